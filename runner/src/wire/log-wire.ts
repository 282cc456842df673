/** What carries one attempt's log to its room: a WebSocket, or requests where none gets through. */
import WebSocket from "ws";
import { type LogBatch, LogBatchAnswer, type LogClientMessage, type Transport } from "@cronium/protocol";
import { HANDSHAKE_WITHIN_MS } from "./socket-wire.ts";
import { readRefusal, type Refusal } from "./wire.ts";

const ANSWER_WITHIN_MS = 30_000;
const MOST_FRAMES = 1_000;

export interface LogWire {
  readonly transport: Transport;
  readonly open: boolean;
  frame(bytes: Uint8Array): void;
  end(message: LogClientMessage): void;
  terminate(): void;
  close(): void;
}

export interface LogWireOptions {
  /** `https://…/runner/logs/{runId}`. */
  readonly url: URL;
  readonly token: string;
  readonly message: (text: string) => void;
  /** Called once. */
  readonly closed: (end: LogWireEnd) => void;
}

export interface LogWireEnd {
  readonly code: number;
  /** What was answered in place of a connection, if that is why. */
  readonly refusal: Refusal | null;
  readonly error: unknown;
}

export class LogSocket implements LogWire {
  readonly transport = "websocket";
  private readonly socket: WebSocket;

  constructor({ url, token, message, closed }: LogWireOptions) {
    const address = new URL(url);
    address.protocol = url.protocol === "http:" ? "ws:" : "wss:";
    this.socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      perMessageDeflate: false,
    });
    let refusal: Refusal | null = null;
    let problem: unknown = null;
    let over = false;
    const end = (code: number): void => {
      if (!over) {
        over = true;
        closed({ code, refusal, error: problem });
      }
    };
    this.socket.on("unexpected-response", (_request, response) => {
      refusal = readRefusal(response.statusCode ?? 0, "");
      response.resume();
      this.socket.terminate();
      // `ws` leaves the end of a refused upgrade to whoever listens for it.
      end(1006);
    });
    this.socket.on("message", (data, isBinary) => {
      if (!isBinary && Buffer.isBuffer(data)) {
        message(data.toString());
      }
    });
    // `close` follows.
    this.socket.on("error", (error) => {
      problem = error;
    });
    this.socket.on("close", end);
  }

  get open(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  frame(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  end(message: LogClientMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  terminate(): void {
    this.socket.terminate();
  }

  close(): void {
    this.socket.close(1000);
  }
}

/** One request at a time; what is sent meanwhile leaves with the next. A request that fails ends it, as a socket breaks. */
export class LogPolls implements LogWire {
  readonly transport = "polling";
  private readonly options: LogWireOptions;
  private readonly abort = new AbortController();
  private waiting: Uint8Array[] = [];
  private endMessage: LogClientMessage | null = null;
  private over = false;

  constructor(options: LogWireOptions) {
    this.options = options;
    void this.run();
  }

  get open(): boolean {
    return !this.over;
  }

  frame(bytes: Uint8Array): void {
    this.waiting.push(bytes);
    this.wake();
  }

  end(message: LogClientMessage): void {
    this.endMessage = message;
    this.wake();
  }

  terminate(): void {
    this.stop({ code: 1006, refusal: null, error: null });
  }

  close(): void {
    this.stop({ code: 1000, refusal: null, error: null });
  }

  private wake = (): void => {};

  /** The first request asks where to go on; the others carry what there is. */
  private async run(): Promise<void> {
    await this.exchange({ frames: [], end: null });
    while (!this.over) {
      if (this.waiting.length === 0 && this.endMessage === null) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        continue;
      }
      const frames = this.waiting.splice(0, MOST_FRAMES);
      const end = this.waiting.length === 0 ? this.endMessage : null;
      this.endMessage = end === null ? this.endMessage : null;
      await this.exchange({ frames: frames.map((frame) => Buffer.from(frame).toString("base64")), end });
    }
  }

  private async exchange(batch: LogBatch): Promise<void> {
    try {
      const response = await fetch(this.options.url, {
        method: "POST",
        headers: { authorization: `Bearer ${this.options.token}`, "content-type": "application/json" },
        body: JSON.stringify(batch),
        redirect: "error",
        signal: AbortSignal.any([this.abort.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      });
      const text = await response.text();
      if (response.status !== 200) {
        this.stop({ code: 1006, refusal: readRefusal(response.status, text), error: null });
        return;
      }
      this.take(LogBatchAnswer.parse(JSON.parse(text)));
    } catch (error) {
      this.stop({ code: 1006, refusal: null, error });
    }
  }

  private take({ messages, close }: LogBatchAnswer): void {
    for (const message of messages) {
      if (!this.over) {
        this.options.message(JSON.stringify(message));
      }
    }
    if (close !== null) {
      this.stop({ code: close.code, refusal: null, error: null });
    }
  }

  private stop(end: LogWireEnd): void {
    if (!this.over) {
      this.over = true;
      this.abort.abort();
      this.wake();
      this.options.closed(end);
    }
  }
}
