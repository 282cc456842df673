/**
 * A thousand rooms, each with one feeder and one viewer: lines go in as log frames and come out at the viewer. The same
 * code drives our log rooms and the bare ones, so that its own cost is on both sides.
 */
import { createHash } from "node:crypto";
import { encodeLogFrame } from "@cronium/protocol";
import WebSocket from "ws";
import { processorMs, residentMb } from "./processor.ts";
import { within } from "./wait.ts";

export interface Room {
  readonly feeder: WebSocket;
  readonly viewer: WebSocket;
}

export interface Exchange {
  /** Milliseconds from a line's send to its arrival. */
  readonly latencies: readonly number[];
  readonly sent: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Bytes that each room was fed, in order of the rooms. */
  readonly bytes: readonly number[];
  /** Processor time that the server took for each line sent while it was measured, ms. */
  readonly cpuMsPerLine: number;
  /** Resident memory of the server while all rooms were busy, MiB. */
  readonly memoryMb: number;
}

/** Between two lines of a room: 1 to 2 lines a second. */
const LEAST_MS = 500;
const SPREAD_MS = 500;
/** Lines sent before this count for completeness, not for latency. */
const WARM_UP_MS = 2_000;
/** First lines on their way at the same time; a room makes its tables with the first. */
const FIRST_LINES = 32;
const LINE_BYTES = 100;
const LAST_LINES_WITHIN_MS = 60_000;

/** Brings a first line through every room, feeds them all for `seconds`, then waits for the last lines. */
export async function exchange(rooms: readonly Room[], seconds: number, serverPid: number): Promise<Exchange> {
  const latencies: number[] = [];
  let [sent, arrived, duplicated, reordered] = [0, 0, 0, 0];
  let measureFrom = Number.POSITIVE_INFINITY;
  let until = Number.POSITIVE_INFINITY;
  let wake = (): void => undefined;
  const feeds = rooms.map(({ feeder, viewer }) => {
    let [seq, offset, last] = [0, 0, -1];
    const seen = new Set<number>();
    let first = (): void => undefined;
    const send = (): void => {
      const payload = Buffer.from(`${`${seq} ${performance.now()} `.padEnd(LINE_BYTES - 1, ".")}\n`);
      const sha256 = createHash("sha256").update(payload).digest("hex");
      const header = { attempt: 1, seq, offset, stream: "stdout", at: Date.now(), sha256 } as const;
      feeder.send(encodeLogFrame({ header, payload }));
      seq += 1;
      offset += payload.length;
      sent += 1;
    };
    viewer.on("message", (message: Buffer, isBinary: boolean) => {
      if (!isBinary) {
        return;
      }
      const now = performance.now();
      const [number = 0, at = 0] = message
        .toString("latin1", 4 + message.readUInt32BE(0))
        .split(" ")
        .map(Number);
      duplicated += seen.has(number) ? 1 : 0;
      reordered += number < last ? 1 : 0;
      last = number;
      if (!seen.has(number)) {
        seen.add(number);
        arrived += 1;
        if (at >= measureFrom) {
          latencies.push(now - at);
        }
        wake();
        first();
      }
    });
    return {
      begin(): Promise<void> {
        const through = new Promise<void>((resolve) => {
          first = resolve;
        });
        send();
        return within("a first line to arrive", 60_000, through);
      },
      async feed(): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * (LEAST_MS + SPREAD_MS)));
        while (performance.now() < until) {
          send();
          await new Promise((resolve) => setTimeout(resolve, LEAST_MS + Math.random() * SPREAD_MS));
        }
      },
      bytes: (): number => offset,
    };
  });
  await eachOf(feeds, FIRST_LINES, (room) => room.begin());
  measureFrom = performance.now() + WARM_UP_MS;
  until = measureFrom + seconds * 1_000;
  const before = { sent, cpuMs: processorMs(serverPid) };
  await Promise.all(feeds.map((room) => room.feed()));
  const cpuMsPerLine = (processorMs(serverPid) - before.cpuMs) / (sent - before.sent);
  const memoryMb = residentMb(serverPid);
  const complete = new Promise<void>((resolve) => {
    wake = () => arrived >= sent && resolve();
    wake();
  });
  await within("the last lines to arrive", LAST_LINES_WITHIN_MS, complete).catch(() => undefined);
  return {
    latencies,
    sent,
    lost: sent - arrived,
    duplicated,
    reordered,
    bytes: feeds.map((room) => room.bytes()),
    cpuMsPerLine,
    memoryMb,
  };
}

/** Resolves when the socket is open; `onMessage` misses nothing. */
export function openSocket(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  onMessage: (message: Buffer, isBinary: boolean) => void = () => undefined,
): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  socket.on("message", onMessage);
  return within(
    `a connection to ${new URL(url).pathname}`,
    60_000,
    new Promise((resolve, reject) => {
      socket.once("open", () => resolve(socket));
      socket.once("error", reject);
    }),
  );
}

/** `make` for each of `list`, some at a time, in order. */
export async function eachOf<T, R>(list: readonly T[], parallel: number, make: (item: T) => Promise<R>): Promise<R[]> {
  const made: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < list.length) {
        const i = next;
        next += 1;
        made[i] = await make(list[i] as T);
      }
    }),
  );
  return made;
}
