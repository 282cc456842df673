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
  LogServerMessage,
  type LogStream,
  type Transport,
} from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import { errorText, type Log } from "../base/log.ts";
import { LogChunker, type GapReason, type LogPiece } from "../base/log-chunks.ts";
import { digestOf } from "../base/log-digest.ts";
import { drop, type Dropped, type JobStream, nothingDropped } from "../base/log-drops.ts";
import { backoffMs } from "../base/retryable.ts";
import { Spool } from "../base/spool.ts";
import { Masker, type MaskedPiece } from "../base/masking/masker.ts";
import { Concealed } from "../base/masking/concealed.ts";
import type { LogSink, LogState } from "../run/deps.ts";
import { Fallback } from "../wire/fallback.ts";
import { LogPolls, LogSocket, type LogWire, type LogWireEnd } from "../wire/log-wire.ts";

const WINDOW_BYTES = 1_048_576;
/** Frames on their way without any acknowledgement for this long mean that the connection is dead. */
const STALLED_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

export interface LogShipOptions {
  readonly ref: AttemptRef;
  /** Address of the run's log at the control plane, `http:` or `https:`. */
  readonly url: string;
  /** Folder of this attempt's spool. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Whether the control plane is connected: only then does waiting for the room count against the drain time. */
  readonly planeReachable: () => boolean;
  /** What carries the control connection: where that polls, no WebSocket is tried here either. */
  readonly transport: () => Transport;
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
  private token: string | null = null;
  private readonly fallback = new Fallback();
  private socket: LogWire | null = null;
  private dialledAt = 0;
  private resumed = false;
  private failures = 0;
  private nextToSend = 0;
  private inFlight = new Map<number, number>();
  private inFlightBytes = 0;
  private lastProgress = 0;
  private readonly concealed = new Concealed();
  private readonly maskers: Readonly<Record<JobStream, Masker>>;
  private dropped = { spool: nothingDropped(), quota: nothingDropped() };
  private gaps: number;
  /** Of every payload so far; null where an earlier process has sent some that are no longer here. */
  private readonly digest: Hash | null;
  private sha256: string | null = null;
  /** The room has other bytes than were sent to it. */
  private conflicted = false;
  private ending = false;
  private closed = false;
  private cancelReconnect = (): void => {};
  private cancelWatch = (): void => {};
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
        this.pump();
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
    this.options.log.redactor.add(token);
    this.token = token;
    this.lastProgress = this.options.clock.monotonic();
    this.cancelWatch = this.options.clock.every(LOOK_EVERY_MS, () => this.watch());
    this.dial();
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
    if (!this.spool.fits(length)) {
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
    this.pump();
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
    if (this.token === null) {
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
    this.declareGap(dropped, this.spool.diskWorks ? "spool_full" : "disk_full");
  }

  private declareGap({ bytes, raw }: Dropped, reason: GapReason): void {
    if (bytes > 0) {
      this.gaps += 1;
      this.chunker.gap(bytes, reason, raw);
    }
  }

  private dial(): void {
    if (this.closed || this.token === null) {
      return;
    }
    const polls = this.options.transport() === "polling" || this.fallback.transport === "polling";
    const Wire = polls ? LogPolls : LogSocket;
    const socket: LogWire = new Wire({
      url: new URL(this.options.url),
      token: this.token,
      message: (text) => {
        if (this.socket === socket) {
          this.receive(text);
        }
      },
      closed: (end) => this.disconnected(socket, end),
    });
    this.socket = socket;
    this.dialledAt = this.options.clock.monotonic();
    this.resumed = false;
  }

  private disconnected(socket: LogWire, { code, refusal, error }: LogWireEnd): void {
    if (this.socket !== socket) {
      return;
    }
    if (!this.resumed && this.options.planeReachable()) {
      const lastedMs = this.options.clock.monotonic() - this.dialledAt;
      this.fallback.failed(socket.transport, { lastedMs, refusal, error });
    }
    this.socket = null;
    this.resumed = false;
    this.inFlight.clear();
    this.inFlightBytes = 0;
    if (this.closed) {
      return;
    }
    this.failures += 1;
    const ms = backoffMs(this.failures, this.options.random());
    const problem = refusal?.detail ?? (error === null ? null : errorText(error));
    this.options.log.debug("log.disconnected", { code, problem, reconnectMs: ms });
    this.cancelReconnect = this.options.clock.after(ms, () => this.dial());
  }

  private receive(text: string): void {
    const message = parseMessage(text);
    if (message === null) {
      this.options.log.warn("log.bad_message", {});
      return;
    }
    this.lastProgress = this.options.clock.monotonic();
    switch (message.type) {
      case "resume":
        this.failures = 0;
        this.resumed = true;
        if (this.socket?.transport === "websocket") {
          this.fallback.works("websocket");
        }
        this.nextToSend = message.seq;
        this.acknowledged(message.seq);
        return;
      case "ack":
        this.acknowledged(message.seq);
        return;
      case "ended":
        this.ended.resolve(true);
        return;
      case "error":
        this.options.log.warn("log.refused", { code: message.code, problem: message.message });
        // What `ended` follows after this is not what was printed.
        this.conflicted ||= this.ending && message.code === "log_conflict";
        return;
      default:
        message satisfies never;
    }
  }

  private acknowledged(seq: number): void {
    this.spool.acknowledge(seq);
    for (const [sent, bytes] of this.inFlight) {
      if (sent < seq) {
        this.inFlight.delete(sent);
        this.inFlightBytes -= bytes;
      }
    }
    if (this.inFlight.size === 0) {
      this.chunker.acknowledged();
    }
    this.pump();
  }

  /** Sends what the window allows. Also called from inside `chunker.push`, so it must not call back into it. */
  private pump(): void {
    const { socket } = this;
    if (socket === null || !this.resumed || !socket.open) {
      return;
    }
    while (this.nextToSend < this.spool.next.seq && this.inFlightBytes < WINDOW_BYTES) {
      const seq = this.nextToSend;
      const bytes = this.newest?.seq === seq ? this.newest.bytes : this.spool.read(seq);
      if (bytes === null) {
        this.options.log.error("log.frame_missing", { seq });
        return;
      }
      this.nextToSend += 1;
      this.inFlight.set(seq, bytes.length);
      this.inFlightBytes += bytes.length;
      socket.frame(bytes);
    }
    if (this.ending && this.nextToSend >= this.spool.next.seq && !this.endSentOn.has(socket)) {
      this.endSentOn.add(socket);
      socket.end(this.endMessage());
    }
  }

  private readonly endSentOn = new WeakSet<LogWire>();

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

  private watch(): void {
    const waiting = this.inFlight.size > 0 || this.ending;
    if (!waiting) {
      this.lastProgress = this.options.clock.monotonic();
    } else if (this.options.clock.monotonic() - this.lastProgress > STALLED_AFTER_MS) {
      this.lastProgress = this.options.clock.monotonic();
      this.socket?.terminate();
    }
  }

  private shut(): void {
    this.closed = true;
    this.cancelWatch();
    this.cancelReconnect();
    this.chunker.close();
    this.ended.resolve(false);
    this.socket?.close();
    this.socket = null;
    if (this.token !== null) {
      this.options.log.redactor.remove(this.token);
    }
  }
}

function parseMessage(text: string): LogServerMessage | null {
  try {
    return LogServerMessage.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
