/**
 * A WebSocket that stays: it reconnects with growing, jittered waits, at once when the browser comes back online, and
 * it notices a connection that is open but dead by its own pings.
 */
import type { LiveTicket } from "@cronium/protocol/api/live-tickets";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";

export type ConnectionStatus = "connecting" | "open" | "lost";

export interface LiveSocketOptions {
  /** Address of the next attempt, path and query; asked anew each time. */
  readonly path: () => string;
  readonly onText: (message: unknown) => void;
  readonly onBinary?: (bytes: ArrayBuffer) => void;
  readonly onStatus: (status: ConnectionStatus) => void;
  /** False ends it: nothing more can come. */
  readonly wantsMore?: () => boolean;
}

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 15_000;
const PING_EVERY_MS = 20_000;
const DEAD_AFTER_MS = 45_000;
/** A break shorter than this is not worth a word. */
const QUIET_BREAK_MS = 2_000;

/** Opens the socket; the returned function closes it for good. */
export function openLiveSocket(options: LiveSocketOptions): () => void {
  let socket: WebSocket | null = null;
  let isClosed = false;
  let isAsking = false;
  let failures = 0;
  let lastHeard = 0;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let lostTimer: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    clearTimeout(waiting);
    waiting = undefined;
    isAsking = true;
    liveTicket()
      .then(open, again)
      .finally(() => {
        isAsking = false;
      });
  }

  function open(ticket: string): void {
    if (isClosed) {
      return;
    }
    const address = new URL(options.path(), location.href);
    address.searchParams.set("ticket", ticket);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const opened = new WebSocket(address);
    opened.binaryType = "arraybuffer";
    socket = opened;
    opened.addEventListener("open", () => {
      failures = 0;
      lastHeard = Date.now();
      clearTimeout(lostTimer);
      lostTimer = undefined;
      options.onStatus("open");
    });
    opened.addEventListener("message", (event: MessageEvent<unknown>) => {
      lastHeard = Date.now();
      if (event.data instanceof ArrayBuffer) {
        options.onBinary?.(event.data);
      } else if (typeof event.data === "string" && event.data !== "pong") {
        const message = readJson(event.data);
        if (message !== undefined) {
          options.onText(message);
        }
      }
    });
    opened.addEventListener("close", () => {
      if (socket === opened) {
        socket = null;
        again();
      }
    });
  }

  function again(): void {
    if (isClosed || options.wantsMore?.() === false) {
      clearTimeout(lostTimer);
      return;
    }
    lostTimer ??= setTimeout(() => options.onStatus("lost"), QUIET_BREAK_MS);
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    failures += 1;
    waiting = setTimeout(connect, longest * (0.5 + Math.random() / 2));
  }

  function online(): void {
    if (waiting !== undefined && !isAsking) {
      failures = 0;
      connect();
    }
  }

  const heart = setInterval(() => {
    if (socket?.readyState !== WebSocket.OPEN) {
      return;
    }
    if (Date.now() - lastHeard > DEAD_AFTER_MS) {
      const dead = socket;
      socket = null;
      dead.close();
      again();
    } else {
      socket.send("ping");
    }
  }, PING_EVERY_MS);

  addEventListener("online", online);
  options.onStatus("connecting");
  connect();

  return () => {
    isClosed = true;
    clearInterval(heart);
    clearTimeout(waiting);
    clearTimeout(lostTimer);
    removeEventListener("online", online);
    socket?.close(1000);
    socket = null;
  };
}

/** Needed anew for each socket; only pages of this installation can ask for one. */
async function liveTicket(): Promise<string> {
  return (await request<LiveTicket>(apiPaths.liveTickets(), { method: "POST" })).ticket;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
