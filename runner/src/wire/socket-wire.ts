/** A WebSocket as a wire. */
import type { IncomingMessage } from "node:http";
import WebSocket from "ws";
import { MAX_FRAME_BYTES } from "@cronium/protocol";
import { readRefusal, type Wire, type WireHandlers } from "./wire.ts";

export const HANDSHAKE_WITHIN_MS = 15_000;
const MAX_REFUSAL_BYTES = 4_096;

export class SocketWire implements Wire {
  readonly transport = "websocket";
  private readonly socket: WebSocket;
  private readonly handlers: WireHandlers;
  private over = false;

  constructor(url: URL, handlers: WireHandlers) {
    this.handlers = handlers;
    this.socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
    });
    this.socket.on("unexpected-response", (_request, response) => void this.refused(response));
    this.socket.on("message", (data, isBinary) => {
      if (!isBinary && Buffer.isBuffer(data)) {
        handlers.message(data.toString());
      }
    });
    this.socket.on("error", (error) => handlers.problem(error));
    this.socket.on("close", (code, reason) => this.closed(code, reason.toString()));
  }

  get open(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(text: string): void {
    this.socket.send(text);
  }

  terminate(): void {
    this.socket.terminate();
  }

  close(): void {
    this.socket.close(1000);
  }

  private async refused(response: IncomingMessage): Promise<void> {
    const refusal = readRefusal(response.statusCode ?? 0, await readStart(response));
    this.handlers.refused(refusal);
    this.socket.terminate();
    // `ws` leaves the end of a refused upgrade to whoever listens for it.
    this.closed(1006, refusal.detail);
  }

  private closed(code: number, reason: string): void {
    if (!this.over) {
      this.over = true;
      this.handlers.closed(code, reason);
    }
  }
}

async function readStart(response: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.length > MAX_REFUSAL_BYTES) {
        return "";
      }
    }
  } catch {
    // Cut off: what has come is no answer of ours.
  }
  return text;
}
