/** Finds out on the side whether a WebSocket gets through by now. */
import type { Clock } from "../base/clock.ts";
import { SocketWire } from "./socket-wire.ts";
import type { Wire, WireHandlers } from "./wire.ts";

const PROBE_WITHIN_MS = 15_000;

export interface ProbeOptions {
  readonly url: URL;
  readonly clock: Clock;
  /** A frame has passed each way. `adopt` hands the socket over; `challenge` is what it has brought. */
  readonly works: (adopt: (handlers: WireHandlers) => Wire, challenge: string) => void;
  readonly failed: () => void;
}

/** Returns what gives it up. One of `works` and `failed` is called, unless it is given up before. */
export function probeSocket({ url, clock, works, failed }: ProbeOptions): () => void {
  let challenge: string | null = null;
  let over = false;
  let adopted: WireHandlers | null = null;
  const end = (): boolean => {
    const first = !over;
    over = true;
    cancelLate();
    return first;
  };
  const socket = new SocketWire(url, {
    message: (text) => {
      if (adopted !== null) {
        adopted.message(text);
      } else if (text !== "pong") {
        // The runtime answers pings of a socket that has not said hello yet.
        challenge ??= text;
        socket.send("ping");
      } else if (challenge !== null && end()) {
        works((handlers) => {
          adopted = handlers;
          return socket;
        }, challenge);
      }
    },
    refused: () => {},
    problem: (error) => adopted?.problem(error),
    closed: (code, reason) => {
      if (adopted !== null) {
        adopted.closed(code, reason);
      } else if (end()) {
        failed();
      }
    },
  });
  const cancelLate = clock.after(PROBE_WITHIN_MS, () => socket.terminate());
  return () => {
    if (end()) {
      socket.terminate();
    }
  };
}
