/** The Dispatcher's ends of WebSockets: like those of the runtime, they and their attachments outlive an instance. */

export interface SocketPeer {
  /** A text left for the other end. */
  sent(text: string): void;
  /** The Dispatcher closes it. */
  closed(code: number, reason: string): void;
}

const CONNECTING_TO_CLOSED = { open: 1, closing: 2, closed: 3 } as const;

export class SimSocket {
  readonly tags: readonly string[] = [];
  readyState: number = CONNECTING_TO_CLOSED.open;
  /** When it last answered a ping by itself, by the server's clock. */
  answeredAt: Date | null = null;
  private attachment = "null";
  private readonly peer: SocketPeer;

  constructor(peer: SocketPeer) {
    this.peer = peer;
  }

  serializeAttachment(value: unknown): void {
    this.attachment = JSON.stringify(value);
    if (this.attachment.length > 16_384) {
      throw new Error("An attachment has at most 16,384 bytes.");
    }
  }

  deserializeAttachment(): unknown {
    return JSON.parse(this.attachment);
  }

  send(text: string): void {
    if (this.readyState !== CONNECTING_TO_CLOSED.open) {
      throw new TypeError("Can't call WebSocket send() after close().");
    }
    this.peer.sent(text);
  }

  close(code: number, reason: string): void {
    if (this.readyState === CONNECTING_TO_CLOSED.open) {
      this.readyState = CONNECTING_TO_CLOSED.closing;
      this.peer.closed(code, reason);
    }
  }

  /** The other end is gone. */
  gone(): void {
    this.readyState = CONNECTING_TO_CLOSED.closed;
  }
}
