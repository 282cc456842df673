/**
 * Ships one attempt's log to its room: bytes → secrets out → frames → spool → socket (or requests), with an
 * acknowledgement for what is durable.
 *
 * Example: the job prints while the socket is down. Frames gather in the spool. The socket opens; the room says
 * `resume {seq: 3}`; frames 3, 4, 5 are sent; `ack {seq: 5}` drops 3 and 4 from the spool. The job ends, `end` follows
 * frame 5, the socket breaks, `resume {seq: 5}` comes on the next one, frame 5 and `end` are sent again, `ended` comes,
 * the spool is deleted. The room tells repeated frames by their number.
 *
 * Bytes are never held back from the container. Past the spool's cap, or the cap of the run, they are counted and
 * declared as a gap. At most 1 MiB of frames is on its way at a time; the rest is on disk.
 */
import type { Hash } from "node:crypto";
import {
  type AttemptRef,
  DEFAULT_LOG_CAP_BYTES,
  DIGEST_SINCE,
  type LogClientMessage,
  type LogStream,
} from "@cronium/protocol";
import { LogChunker, type GapReason, type LogPiece } from "../base/log-chunks.ts";
import { digestOf } from "../base/log-digest.ts";
import { drop, type Dropped, type JobStream, nothingDropped } from "../base/log-drops.ts";
import { Spool } from "../base/spool.ts";
import { Masker, type MaskedPiece } from "../base/masking/masker.ts";
import { Concealed } from "../base/masking/concealed.ts";
import type { LogSink, LogState } from "../run/deps.ts";
import { LogLink, type LogLinkOptions } from "./log-link.ts";

const LOOK_EVERY_MS = 1_000;

/** Only while `planeReachable` does waiting for the room count against the drain time. */
export interface LogShipOptions extends LogLinkOptions {
  readonly ref: AttemptRef;
  /** Folder of this attempt's spool. */
  readonly folder: string;
  /** What the control plane speaks; null when that is not known. Default: this version. */
  readonly protocol?: () => number | null;
  /** Sees what goes to the room, for people at this machine. */
  readonly onFrame?: (stream: LogStream, bytes: Uint8Array) => void;
  /** Default: 256 MiB. */
  readonly capBytes?: number;
  /** Bytes on disk that wait for the room. Default: 256 MiB. */
  readonly spoolBytes?: number;
}

export class LogShip implements LogSink {
  private readonly options: LogShipOptions;
  private readonly spool: Spool;
  /** Nothing of this log was there before, and nothing was said of its secrets yet. */
  private begins: boolean;
  private readonly chunker: LogChunker;
  readonly taken: { readonly stdout: number; readonly stderr: number };
  readonly tornBytes: number;
  private capBytes: number;
  private overflow: (() => void) | null = null;
  private readonly ended = Promise.withResolvers<boolean>();
  private readonly concealed = new Concealed();
  private readonly maskers: Readonly<Record<JobStream, Masker>>;
  private dropped = { spool: nothingDropped(), quota: nothingDropped() };
  /** Why the spool took no more, when it did: a disk with no room for a frame may still take a small one later. */
  private refusedBy: "disk_full" | "spool_full" = "spool_full";
  private gaps: number;
  /** Of every payload so far; null where an earlier process has sent some that are no longer here. */
  private readonly digest: Hash | null;
  private sha256: string | null = null;
  /** The room has other bytes than were sent to it. */
  private conflicted = false;
  private readonly link: LogLink;
  private ending = false;
  private closed = false;
  /** The newest frame, so that the usual case reads nothing back from disk. */
  private newest: { readonly seq: number; readonly bytes: Uint8Array } | null = null;

  constructor(options: LogShipOptions) {
    this.options = options;
    this.capBytes = options.capBytes ?? DEFAULT_LOG_CAP_BYTES;
    this.spool = Spool.open(options.folder, options.spoolBytes);
    this.taken = this.spool.taken;
    this.tornBytes = this.spool.tornBytes;
    this.gaps = this.spool.gaps;
    this.digest = digestOf(this.spool);
    this.chunker = new LogChunker({
      attempt: options.ref.attempt,
      clock: options.clock,
      resume: { ...this.spool.next, taken: this.spool.taken },
      emit: (frame, taken) => {
        this.newest = { seq: frame.header.seq, bytes: this.spool.append(frame, taken) };
        this.digest?.update(frame.payload);
        this.options.onFrame?.(frame.header.stream, frame.payload);
        this.link.pump();
      },
    });
    this.link = new LogLink(options, {
      next: () => this.spool.next.seq,
      read: (seq) => (this.newest?.seq === seq ? this.newest.bytes : this.spool.read(seq)),
      acknowledged: (seq, idle) => {
        this.spool.acknowledge(seq);
        if (idle) {
          this.chunker.acknowledged();
        }
      },
      end: () => (this.ending ? this.endMessage() : null),
      ended: (conflicted) => {
        this.conflicted = conflicted;
        this.ended.resolve(true);
      },
    });
    this.begins = this.spool.next.seq === 0;
    this.maskers = {
      stdout: new Masker(null, (pieces) => this.take("stdout", pieces)),
      stderr: new Masker(null, (pieces) => this.take("stderr", pieces)),
    };
  }

  conceal(secrets: Readonly<Record<string, string>>, tokens: readonly string[] = []): void {
    const tooShort = this.concealed.add(secrets, tokens);
    if (tooShort.length > 0 && this.begins) {
      this.begins = false;
      const names = tooShort.join(", ");
      this.notice(`not_maskable: too short to be hidden in this log (fewer than 4 characters): ${names}`);
    }
  }

  notice(text: string): void {
    if (!this.closed && !this.ending) {
      this.chunker.push("system", { bytes: Buffer.from(`${text}\n`), rawBytes: 0, replaces: false });
    }
  }

  connect(token: string): void {
    this.link.open(token);
  }

  limit(bytes: number, overflow?: () => void): void {
    this.capBytes = bytes;
    this.overflow = overflow ?? null;
    this.tellOverflow();
  }

  bytes(stream: JobStream, bytes: Uint8Array): void {
    if (this.closed || this.ending) {
      return;
    }
    if (this.chunker.totalBytes >= this.capBytes) {
      // A flood past the limit costs nothing more than its counting.
      this.maskers[stream].flush();
      drop(this.dropped.quota, stream, bytes.length, bytes.length);
      this.tellOverflow();
      return;
    }
    const news = this.concealed.news();
    if (news !== null) {
      this.maskers.stdout.use(news);
      this.maskers.stderr.use(news);
    }
    this.maskers[stream].push(bytes);
  }

  /** What may be seen of the output. */
  private take(stream: JobStream, pieces: readonly MaskedPiece[]): void {
    let room = this.capBytes - this.chunker.totalBytes;
    let length = 0;
    const kept: LogPiece[] = [];
    for (const piece of pieces) {
      const { bytes, rawBytes, replaces } = piece;
      if (bytes.length <= room) {
        kept.push(piece);
      } else {
        const fits = replaces ? 0 : Math.max(0, room);
        if (fits > 0) {
          kept.push({ bytes: bytes.subarray(0, fits), rawBytes: fits, replaces });
        }
        drop(this.dropped.quota, stream, bytes.length - fits, rawBytes - fits);
        room = fits;
      }
      const taken = Math.min(bytes.length, room);
      room -= taken;
      length += taken;
    }
    this.tellOverflow();
    if (length === 0) {
      return;
    }
    const refusal = this.spool.refusal(length);
    if (refusal !== null) {
      this.refusedBy = this.dropped.spool.bytes > 0 && refusal === "spool_full" ? this.refusedBy : refusal;
      for (const { bytes, rawBytes } of kept) {
        drop(this.dropped.spool, stream, bytes.length, rawBytes);
      }
      return;
    }
    this.declareSpoolGap();
    this.chunker.push(stream, ...kept);
  }

  private tellOverflow(): void {
    if (this.dropped.quota.bytes > 0 && this.overflow !== null) {
      const { overflow } = this;
      this.overflow = null;
      overflow();
    }
  }

  lost(bytes: number): void {
    if (this.ending || this.closed) {
      // The end has been told, with the sum of what it ends.
      this.options.log.warn("log.lost_after_end", { bytes });
      return;
    }
    this.flushMaskers();
    this.gaps += 1;
    this.chunker.gap(bytes, "runner_lost");
  }

  async end(withinMs: number): Promise<{ readonly logBytes: number; readonly logState: LogState }> {
    this.flushMaskers();
    this.chunker.flush();
    this.declareSpoolGap();
    this.declareGap(this.dropped.quota, "log_quota");
    this.sha256 = this.digest?.digest("hex") ?? null;
    this.ending = true;
    this.link.pump();
    const complete = await this.endedWithin(withinMs);
    const logBytes = this.chunker.totalBytes;
    this.shut();
    if (complete) {
      this.spool.remove();
    } else {
      this.spool.close();
      this.options.log.warn("log.incomplete", { unacknowledgedFrames: this.spool.unacknowledged });
    }
    const whole = this.dropped.quota.bytes > 0 ? "truncated" : "complete";
    const isHeld = complete && !this.conflicted;
    return { logBytes, logState: isHeld && (whole === "truncated" || this.gaps === 0) ? whole : "incomplete" };
  }

  /** Lets go of the files and leaves them on disk. */
  close(): void {
    this.shut();
    this.spool.close();
  }

  remove(): void {
    this.shut();
    this.spool.remove();
  }

  /** Counts only time in which the room could be reached: a plane that restarts must not cost the log. */
  private async endedWithin(withinMs: number): Promise<boolean> {
    const { clock, planeReachable } = this.options;
    if (!this.link.opened) {
      return this.chunker.totalBytes === 0;
    }
    let waited = 0;
    const cancel = clock.every(LOOK_EVERY_MS, () => {
      waited += planeReachable() ? LOOK_EVERY_MS : 0;
      if (waited >= withinMs || this.closed) {
        this.ended.resolve(false);
      }
    });
    try {
      return await this.ended.promise;
    } finally {
      cancel();
    }
  }

  private flushMaskers(): void {
    this.maskers.stdout.flush();
    this.maskers.stderr.flush();
  }

  private declareSpoolGap(): void {
    const dropped = this.dropped.spool;
    this.dropped.spool = nothingDropped();
    this.declareGap(dropped, this.refusedBy);
  }

  private declareGap({ bytes, raw }: Dropped, reason: GapReason): void {
    if (bytes > 0) {
      this.gaps += 1;
      this.chunker.gap(bytes, reason, raw);
    }
  }

  private endMessage(): LogClientMessage {
    const knowsDigest = (this.options.protocol?.() ?? DIGEST_SINCE) >= DIGEST_SINCE;
    return {
      type: "end",
      attempt: this.options.ref.attempt,
      totalBytes: this.chunker.totalBytes,
      gaps: this.gaps,
      truncated: this.dropped.quota.bytes > 0,
      ...(this.sha256 === null || !knowsDigest ? {} : { sha256: this.sha256 }),
    };
  }

  private shut(): void {
    this.closed = true;
    this.chunker.close();
    this.ended.resolve(false);
    this.link.close();
  }
}
