/**
 * Cuts a job's output into log frames: the first bytes leave at once, later ones gather while a frame is on its way.
 *
 * Example: a script prints "a", and 1 ms later "b", "c", "d". "a" is cut at once, because nothing is in flight. The
 * others wait until the room has acknowledged "a" or 50 ms have passed, and leave as one frame "bcd". A silent script
 * gets each line to the viewer with no delay; a flood travels in full frames of 64 KiB.
 *
 * Order is exact inside a stream and by arrival between streams, so a change of stream ends the frame.
 *
 * What it takes may stand for other bytes than it is (secrets are replaced before), so each piece says for how many bytes
 * of the job's output it stands, and each frame, up to where of each stream all frames so far reach. A piece that stands
 * for other bytes goes whole into one frame: then every end of a frame is a place in the job's output.
 */
import { createHash } from "node:crypto";
import { MAX_LOG_FRAME_BYTES, type LogFrame, type LogHeader, type LogStream } from "@cronium/protocol";
import type { Clock } from "./clock.ts";

/** The longest that bytes wait for company, in milliseconds. */
export const GATHER_MS = 50;

export type GapReason = NonNullable<LogHeader["gap"]>["reason"];

export interface LogChunkerOptions {
  readonly attempt: number;
  readonly clock: Clock;
  /** Gets every frame, numbered and in order; `taken`: bytes of the job's output it and all before it stand for. */
  readonly emit: (frame: LogFrame, taken: StreamTotals) => void;
  /** Where to go on after a restart of the runner. Default: at the start. */
  readonly resume?: { readonly seq: number; readonly offset: number; readonly taken?: StreamTotals };
}

/** Bytes of the job's output per stream, from the start of the attempt. */
export interface StreamTotals {
  readonly stdout: number;
  readonly stderr: number;
}

/** Bytes of the log, and how many bytes of the job's output they stand for. One that `replaces` others is not cut. */
export interface LogPiece {
  readonly bytes: Uint8Array;
  readonly rawBytes: number;
  readonly replaces: boolean;
}

export class LogChunker {
  private readonly attempt: number;
  private readonly clock: Clock;
  private readonly emit: LogChunkerOptions["emit"];
  private nextSeq: number;
  private nextOffset: number;
  private readonly taken: { stdout: number; stderr: number };
  private pieces: LogPiece[] = [];
  private pendingBytes = 0;
  private pendingStream: LogStream = "stdout";
  private pendingAt = 0;
  private inFlight = false;
  private cancelTimer: (() => void) | null = null;

  constructor(options: LogChunkerOptions) {
    this.attempt = options.attempt;
    this.clock = options.clock;
    this.emit = options.emit;
    this.nextSeq = options.resume?.seq ?? 0;
    this.nextOffset = options.resume?.offset ?? 0;
    this.taken = { stdout: 0, stderr: 0, ...options.resume?.taken };
  }

  get seq(): number {
    return this.nextSeq;
  }

  /** Payload bytes cut so far, plus those that wait. */
  get totalBytes(): number {
    return this.nextOffset + this.pendingBytes;
  }

  /** Takes bytes that arrived; they are not copied before the frame is cut, so the caller must not reuse the buffer. */
  push(stream: LogStream, ...pieces: readonly LogPiece[]): void {
    const length = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (length === 0) {
      return;
    }
    if (this.pendingBytes > 0 && this.pendingStream !== stream) {
      this.flush();
    }
    if (this.pendingBytes === 0) {
      this.pendingStream = stream;
      this.pendingAt = this.clock.now();
    }
    for (const piece of pieces) {
      this.pieces.push(piece);
    }
    this.pendingBytes += length;
    while (this.pendingBytes >= MAX_LOG_FRAME_BYTES) {
      this.cut(MAX_LOG_FRAME_BYTES);
    }
    if (this.pendingBytes > 0) {
      if (this.inFlight) {
        this.cancelTimer ??= this.clock.after(GATHER_MS, () => this.flush());
      } else {
        this.flush();
      }
    }
  }

  /** Everything sent so far has arrived: what gathered meanwhile may go. */
  acknowledged(): void {
    this.inFlight = false;
    this.flush();
  }

  /** Cuts what waits into a frame now. */
  flush(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    if (this.pendingBytes > 0) {
      this.cut(this.pendingBytes);
    }
  }

  /** Declares bytes that were dropped at this point, and how many of the job's output they stand for. */
  gap(bytes: number, reason: GapReason, raw: StreamTotals = { stdout: 0, stderr: 0 }): void {
    this.flush();
    this.taken.stdout += raw.stdout;
    this.taken.stderr += raw.stderr;
    this.send("system", new Uint8Array(0), this.clock.now(), { bytes, reason });
  }

  close(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  /** A frame of at most `length` bytes. */
  private cut(length: number): void {
    const payload = new Uint8Array(length);
    let filled = 0;
    let raw = 0;
    let whole = 0;
    for (const { bytes, rawBytes, replaces } of this.pieces) {
      const room = length - filled;
      if (bytes.length > room && replaces) {
        break;
      }
      payload.set(bytes.subarray(0, room), filled);
      filled += Math.min(bytes.length, room);
      if (bytes.length > room) {
        raw += room;
        this.pieces[whole] = { bytes: bytes.subarray(room), rawBytes: rawBytes - room, replaces };
        break;
      }
      raw += rawBytes;
      whole += 1;
    }
    this.pieces = this.pieces.slice(whole);
    this.pendingBytes -= filled;
    if (this.pendingStream !== "system") {
      this.taken[this.pendingStream] += raw;
    }
    this.send(this.pendingStream, payload.subarray(0, filled), this.pendingAt);
  }

  private send(stream: LogStream, payload: Uint8Array, at: number, gap?: LogHeader["gap"]): void {
    const header: LogHeader = {
      attempt: this.attempt,
      seq: this.nextSeq,
      offset: this.nextOffset,
      stream,
      at,
      sha256: createHash("sha256").update(payload).digest("hex"),
      ...(gap === undefined ? {} : { gap }),
    };
    this.nextSeq += 1;
    this.nextOffset += payload.length;
    this.inFlight = true;
    this.emit({ header, payload }, { ...this.taken });
  }
}
