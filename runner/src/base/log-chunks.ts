/**
 * Cuts a job's output into log frames: the first bytes leave at once, later ones gather while a frame is on its way.
 *
 * Example: a script prints "a", and 1 ms later "b", "c", "d". "a" is cut at once, because nothing is in flight. The
 * others wait until the room has acknowledged "a" or 50 ms have passed, and leave as one frame "bcd". A silent script
 * gets each line to the viewer with no delay; a flood travels in full frames of 64 KiB.
 *
 * Order is exact inside a stream and by arrival between streams, so a change of stream ends the frame.
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
  /** Gets every frame, numbered and in order. */
  readonly emit: (frame: LogFrame) => void;
  /** Where to go on after a restart of the runner. Default: at the start. */
  readonly resume?: { readonly seq: number; readonly offset: number };
}

export class LogChunker {
  private readonly attempt: number;
  private readonly clock: Clock;
  private readonly emit: (frame: LogFrame) => void;
  private nextSeq: number;
  private nextOffset: number;
  private pieces: Uint8Array[] = [];
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
  }

  get seq(): number {
    return this.nextSeq;
  }

  /** Payload bytes cut so far, plus those that wait. */
  get totalBytes(): number {
    return this.nextOffset + this.pendingBytes;
  }

  /** Takes bytes that arrived; they are not copied before the frame is cut, so the caller must not reuse the buffer. */
  push(stream: LogStream, bytes: Uint8Array): void {
    if (bytes.length === 0) {
      return;
    }
    if (this.pendingBytes > 0 && this.pendingStream !== stream) {
      this.flush();
    }
    if (this.pendingBytes === 0) {
      this.pendingStream = stream;
      this.pendingAt = this.clock.now();
    }
    this.pieces.push(bytes);
    this.pendingBytes += bytes.length;
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

  /** Declares bytes that were dropped at this point. */
  gap(bytes: number, reason: GapReason): void {
    this.flush();
    this.send("system", new Uint8Array(0), this.clock.now(), { bytes, reason });
  }

  close(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  private cut(length: number): void {
    const payload = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = this.pieces[0];
      if (piece === undefined) {
        break;
      }
      const take = Math.min(piece.length, length - filled);
      payload.set(piece.subarray(0, take), filled);
      filled += take;
      if (take === piece.length) {
        this.pieces.shift();
      } else {
        this.pieces[0] = piece.subarray(take);
      }
    }
    this.pendingBytes -= length;
    this.send(this.pendingStream, payload, this.pendingAt);
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
    this.emit({ header, payload });
  }
}
