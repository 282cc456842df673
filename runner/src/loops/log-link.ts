/**
 * The way of one log's frames to its room: one connection after the other, each begun where the room says that it
 * stands, with at most 1 MiB of frames on their way. The frames themselves are kept by who owns the link.
 */
import { type LogClientMessage, LogServerMessage, type Transport } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import { errorText, type Log } from "../base/log.ts";
import { backoffMs } from "../base/retryable.ts";
import { Fallback } from "../wire/fallback.ts";
import { LogPolls, LogSocket, type LogWire, type LogWireEnd } from "../wire/log-wire.ts";

const WINDOW_BYTES = 1_048_576;
/** Frames on their way without any acknowledgement for this long mean that the connection is dead. */
const STALLED_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

export interface LogLinkOptions {
  /** Address of the run's log at the control plane, `http:` or `https:`. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Whether the control plane is connected. */
  readonly planeReachable: () => boolean;
  /** What carries the control connection: where that polls, no WebSocket is tried here either. */
  readonly transport: () => Transport;
}

/** Whose frames go over the link. */
export interface LogSource {
  /** Number of the frame that comes next: all below it are there. */
  readonly next: () => number;
  /** Null for one that is gone. */
  readonly read: (seq: number) => Uint8Array | null;
  /** All below this number are durable; `idle`: nothing is on its way now. */
  readonly acknowledged: (seq: number, idle: boolean) => void;
  /** What follows the last frame; null while more may come. */
  readonly end: () => LogClientMessage | null;
  /** The room has the end; `conflicted`: and other bytes than were sent to it. */
  readonly ended: (conflicted: boolean) => void;
}

export class LogLink {
  private readonly options: LogLinkOptions;
  private readonly source: LogSource;
  private readonly fallback = new Fallback();
  private readonly endSentOn = new WeakSet<LogWire>();
  private token: string | null = null;
  private socket: LogWire | null = null;
  private dialledAt = 0;
  private resumed = false;
  private failures = 0;
  private nextToSend = 0;
  private inFlight = new Map<number, number>();
  private inFlightBytes = 0;
  private lastProgress = 0;
  private conflicted = false;
  private closed = false;
  private cancelReconnect = (): void => {};
  private cancelWatch = (): void => {};

  constructor(options: LogLinkOptions, source: LogSource) {
    this.options = options;
    this.source = source;
  }

  /** Whether it was told to connect. */
  get opened(): boolean {
    return this.token !== null;
  }

  /** Connects, again and again, until it is closed. */
  open(token: string): void {
    const { clock, log } = this.options;
    log.redactor.add(token);
    this.token = token;
    this.lastProgress = clock.monotonic();
    this.cancelWatch = clock.every(LOOK_EVERY_MS, () => this.watch());
    this.dial();
  }

  close(): void {
    this.closed = true;
    this.cancelWatch();
    this.cancelReconnect();
    this.socket?.close();
    this.socket = null;
    if (this.token !== null) {
      this.options.log.redactor.remove(this.token);
    }
  }

  /** Sends what the window allows. Also called while a frame is made, so it makes none. */
  pump(): void {
    const { socket, source } = this;
    if (socket === null || !this.resumed || !socket.open) {
      return;
    }
    while (this.nextToSend < source.next() && this.inFlightBytes < WINDOW_BYTES) {
      const seq = this.nextToSend;
      const bytes = source.read(seq);
      if (bytes === null) {
        this.options.log.error("log.frame_missing", { seq });
        return;
      }
      this.nextToSend += 1;
      this.inFlight.set(seq, bytes.length);
      this.inFlightBytes += bytes.length;
      socket.frame(bytes);
    }
    const end = this.nextToSend >= source.next() && !this.endSentOn.has(socket) ? source.end() : null;
    if (end !== null) {
      this.endSentOn.add(socket);
      socket.end(end);
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
        this.source.ended(this.conflicted);
        return;
      case "error":
        this.options.log.warn("log.refused", { code: message.code, problem: message.message });
        // What `ended` follows after this is not what was printed.
        this.conflicted ||= this.source.end() !== null && message.code === "log_conflict";
        return;
      default:
        message satisfies never;
    }
  }

  private acknowledged(seq: number): void {
    for (const [sent, bytes] of this.inFlight) {
      if (sent < seq) {
        this.inFlight.delete(sent);
        this.inFlightBytes -= bytes;
      }
    }
    this.source.acknowledged(seq, this.inFlight.size === 0);
    this.pump();
  }

  private watch(): void {
    const waiting = this.inFlight.size > 0 || this.source.end() !== null;
    if (!waiting) {
      this.lastProgress = this.options.clock.monotonic();
    } else if (this.options.clock.monotonic() - this.lastProgress > STALLED_AFTER_MS) {
      this.lastProgress = this.options.clock.monotonic();
      this.socket?.terminate();
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
