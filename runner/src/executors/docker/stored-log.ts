/**
 * Reads a container's output from what Docker has stored, for a runner that was away while it was printed, and goes on
 * with it until the container ends. Delivers what follows the bytes that were seen before: none twice, none left out.
 *
 * The stored log (`local` driver, Docker 20.10) is a row of messages, one per line, and differs from what was printed in
 * two ways, both seen: a line longer than 16 KiB is cut into pieces and loses its newline, and a follower that is there
 * when the container ends is not given the last line if that has no newline. So a short message without a newline gets
 * one when another follows it in its stream, and after the end everything is read once more. One byte stays unknown: the
 * newline of a line over 16 KiB that is the very last.
 *
 * The store holds two files of 10 MB. As long as what is read back fits into one, nothing has been deleted and counting
 * from the start is exact. Past that it is not, so what was printed meanwhile is declared lost and the rest goes on live.
 */
import type Docker from "dockerode";
import { type Clock, delay } from "../../base/clock.ts";
import type { SeenBytes, SlotEvents } from "../types.ts";
import { makeDemux } from "./demux.ts";

/** Length at which Docker cuts a line. */
const PIECE_BYTES = 16_384;
/** Below the size of one file of the store. */
const SURE_BYTES = 9_500_000;
/** What a message costs in the store besides its bytes, at most: a line, and a piece of one. */
const LINE_COST = 64;
const PIECE_COST = 192;
const NEWLINE = 0x0a;
const HEADER_BYTES = 8;
const FOLLOW_AGAIN_MS = 250;

type Stream = "stdout" | "stderr";
type Taken = Record<Stream, number>;

export interface StoredLogOptions {
  readonly container: Docker.Container;
  readonly clock: Clock;
  readonly events: Pick<SlotEvents, "bytes" | "lost">;
  readonly seen: SeenBytes;
}

/** Resolves once the container has ended and all of its output is delivered. Rejects with Docker's error. */
export async function readStoredLog(options: StoredLogOptions): Promise<void> {
  const { container, clock, events } = options;
  const taken: Taken = { ...options.seen };
  const first = replay(await storedBytes(container), { ...taken }, () => {});
  const sure = first.cost < SURE_BYTES;
  if (!sure) {
    events.lost(Math.max(1, first.total - taken.stdout - taken.stderr));
  }
  while ((await container.inspect()).State.Running) {
    // Where counting from the start is not exact, only what comes from now on is delivered.
    await follow(options, sure ? taken : { stdout: 0, stderr: 0 }, sure ? "all" : 0);
    await delay(clock, FOLLOW_AGAIN_MS);
  }
  const stored = await storedBytes(container);
  const last = replay(stored, { ...taken }, () => {});
  if (last.cost < SURE_BYTES) {
    replay(stored, taken, events.bytes);
  } else if (last.unterminated) {
    events.lost(1);
  }
}

/**
 * Of a container whose output Docker does not keep: what it prints from now on. Whether anything was printed before is
 * not known, so something counts as lost.
 */
export async function readFromNow({
  container,
  events,
}: Pick<StoredLogOptions, "container" | "events">): Promise<void> {
  events.lost(1);
  if (!(await container.inspect()).State.Running) {
    return;
  }
  const output = await container.attach({ stream: true, stdout: true, stderr: true });
  output.on(
    "data",
    makeDemux((stream, bytes) => events.bytes(stream, bytes)),
  );
  await new Promise<void>((resolve) => {
    for (const name of ["end", "close", "error"]) {
      output.on(name, () => resolve());
    }
  });
}

async function storedBytes(container: Docker.Container): Promise<Uint8Array> {
  return container.logs({ follow: false, stdout: true, stderr: true });
}

async function follow(options: StoredLogOptions, taken: Taken, tail: "all" | 0): Promise<void> {
  const stream = await options.container.logs({
    follow: true,
    stdout: true,
    stderr: true,
    // The package's types know numbers only; the engine reads "all".
    ...(tail === "all" ? {} : { tail }),
  });
  const restore = new Restorer(taken, options.events.bytes);
  const messages = makeMessages((name, bytes) => restore.message(name, bytes));
  await new Promise<void>((resolve) => {
    stream.on("data", messages);
    for (const name of ["end", "close", "error"]) {
      // An error is an end here: whether the container still runs is asked next.
      stream.on(name, () => resolve());
    }
  });
}

function replay(stored: Uint8Array, taken: Taken, sink: SlotEvents["bytes"]): Restorer {
  const restore = new Restorer(taken, sink);
  makeMessages((name, bytes) => restore.message(name, bytes))(stored);
  return restore;
}

/** Puts the printed bytes together again from messages, and passes on those beyond what was taken. */
class Restorer {
  private readonly taken: Taken;
  private readonly sink: SlotEvents["bytes"];
  private readonly offset: Taken = { stdout: 0, stderr: 0 };
  private readonly open = { stdout: false, stderr: false };
  /** What the messages take in the store, at most. */
  cost = 0;

  constructor(taken: Taken, sink: SlotEvents["bytes"]) {
    this.taken = taken;
    this.sink = sink;
  }

  get total(): number {
    return this.offset.stdout + this.offset.stderr;
  }

  /** The last message of a stream has no newline. */
  get unterminated(): boolean {
    return this.open.stdout || this.open.stderr;
  }

  message(stream: Stream, bytes: Uint8Array): void {
    if (this.open[stream]) {
      this.feed(stream, Uint8Array.of(NEWLINE));
    }
    const whole = bytes.at(-1) === NEWLINE;
    this.cost += bytes.length + (whole ? LINE_COST : PIECE_COST);
    this.open[stream] = !whole && bytes.length < PIECE_BYTES;
    this.feed(stream, bytes);
  }

  private feed(stream: Stream, bytes: Uint8Array): void {
    const fresh = bytes.subarray(Math.max(0, this.taken[stream] - this.offset[stream]));
    this.offset[stream] += bytes.length;
    if (fresh.length > 0) {
      this.taken[stream] = this.offset[stream];
      this.sink(stream, fresh);
    }
  }
}

/** Takes Docker's multiplexed form apart (see `demux.ts`), message by message: their ends mean something here. */
function makeMessages(sink: (stream: Stream, bytes: Uint8Array) => void): (chunk: Uint8Array) => void {
  let carry: Uint8Array = new Uint8Array(0);
  return (chunk) => {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + HEADER_BYTES + view.getUint32(at + 4);
      if (end > bytes.length) {
        break;
      }
      sink(bytes[at] === 2 ? "stderr" : "stdout", bytes.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    carry = bytes.slice(at);
  };
}
