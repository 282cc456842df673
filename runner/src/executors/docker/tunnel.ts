/**
 * Connections of a container that come over one stream instead of a shared socket; the other end is `tunnel.*` of the
 * built-in images, which says what frames are. What arrives is the job's word: it can break its own tunnel and no more.
 */
import { connect, type Socket } from "node:net";

const HEADER_BYTES = 9;
/** A sender stops once this much has not been passed on. */
const WINDOW = 65_536;
const MAX_FRAME = 65_536;
/** A little more than the programs in the images accept. */
const MAX_CONNECTIONS = 256;
/** What all connections may have on their way, twice. */
const MAX_QUEUED = 2 * MAX_CONNECTIONS * WINDOW;

export const kinds = { alive: 0, open: 1, data: 2, end: 3, reset: 4, credit: 5 } as const;

interface Flow {
  readonly socket: Socket;
  /** Bytes that the container has not passed on yet. */
  sent: number;
  /** Bytes that wait for the socket here. */
  waiting: number;
}

export interface TunnelOptions {
  readonly write: (bytes: Buffer) => void;
  /** Bytes that wait to be written. */
  readonly queued: () => number;
  /** Path of the socket behind a door; null where there is none. */
  readonly target: (door: number) => string | null;
  readonly ready: () => void;
  /** The other end breaks the rules; the tunnel is closed by then. */
  readonly broken: (why: string) => void;
}

/** One life of a tunnel. */
export class Tunnel {
  private readonly options: TunnelOptions;
  private readonly flows = new Map<number, Flow>();
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerFilled = 0;
  private payload = Buffer.alloc(0);
  private payloadFilled = 0;
  private closed = false;

  constructor(options: TunnelOptions) {
    this.options = options;
  }

  /** Bytes of the stream, cut anywhere. */
  take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.closed) {
      if (this.headerFilled < HEADER_BYTES) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.headerFilled);
        this.header.set(part, this.headerFilled);
        this.headerFilled += part.length;
        at += part.length;
        if (this.headerFilled < HEADER_BYTES) {
          return;
        }
        const length = this.header.readUInt32BE(5);
        if (length > MAX_FRAME) {
          this.fail(`a frame of ${length} bytes`);
          return;
        }
        // Sockets keep what they are given until it is sent, so each frame has memory of its own.
        this.payload = Buffer.alloc(length);
        this.payloadFilled = 0;
      }
      const part = chunk.subarray(at, at + this.payload.length - this.payloadFilled);
      this.payload.set(part, this.payloadFilled);
      this.payloadFilled += part.length;
      at += part.length;
      if (this.payloadFilled === this.payload.length) {
        this.headerFilled = 0;
        this.frame(this.header.readUInt32BE(0), this.header[4] ?? 0, this.payload);
      }
    }
  }

  /** Tells the other end that this one is there. */
  alive(): void {
    this.send(0, kinds.alive);
  }

  /** Breaks every connection. */
  close(): void {
    this.closed = true;
    for (const { socket } of this.flows.values()) {
      socket.destroy();
    }
    this.flows.clear();
  }

  private fail(why: string): void {
    this.close();
    this.options.broken(why);
  }

  private frame(id: number, kind: number, bytes: Buffer): void {
    if (kind === kinds.alive) {
      this.options.ready();
      return;
    }
    if (kind === kinds.open) {
      this.open(id, bytes[0] ?? 0);
      return;
    }
    const flow = this.flows.get(id);
    if (flow === undefined) {
      return;
    }
    if (kind === kinds.data) {
      this.passOn(id, flow, bytes);
    } else if (kind === kinds.end) {
      flow.socket.end();
    } else if (kind === kinds.reset) {
      this.flows.delete(id);
      flow.socket.destroy();
    } else if (kind === kinds.credit && bytes.length === 4) {
      flow.sent -= bytes.readUInt32BE(0);
      if (flow.sent < WINDOW && flow.socket.isPaused()) {
        flow.socket.resume();
      }
    } else {
      this.fail(`a frame of kind ${kind}`);
    }
  }

  private open(id: number, door: number): void {
    if (this.flows.has(id)) {
      this.fail(`connection ${id} twice`);
      return;
    }
    const path = this.options.target(door);
    if (path === null || this.flows.size >= MAX_CONNECTIONS) {
      this.send(id, kinds.reset);
      return;
    }
    const socket = connect({ path, allowHalfOpen: true });
    const flow: Flow = { socket, sent: 0, waiting: 0 };
    this.flows.set(id, flow);
    socket.on("data", (chunk) => {
      flow.sent += chunk.length;
      for (let at = 0; at < chunk.length; at += MAX_FRAME) {
        this.send(id, kinds.data, chunk.subarray(at, at + MAX_FRAME));
      }
      if (flow.sent >= WINDOW) {
        socket.pause();
      }
    });
    socket.on("end", () => this.send(id, kinds.end));
    socket.on("error", () => {});
    socket.on("close", (failed) => {
      if (this.flows.delete(id) && failed) {
        this.send(id, kinds.reset);
      }
    });
  }

  private passOn(id: number, flow: Flow, bytes: Buffer): void {
    flow.waiting += bytes.length;
    if (flow.waiting >= WINDOW + MAX_FRAME) {
      this.fail(`${flow.waiting} bytes without leave to send them`);
      return;
    }
    flow.socket.write(bytes, (error) => {
      flow.waiting -= bytes.length;
      if (!error) {
        const count = Buffer.alloc(4);
        count.writeUInt32BE(bytes.length);
        this.send(id, kinds.credit, count);
      }
    });
  }

  private send(id: number, kind: number, bytes?: Uint8Array): void {
    if (this.closed) {
      return;
    }
    if (this.options.queued() > MAX_QUEUED) {
      this.fail("it does not read what it asked for");
      return;
    }
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(id, 0);
    header[4] = kind;
    header.writeUInt32BE(bytes?.length ?? 0, 5);
    this.options.write(bytes === undefined ? header : Buffer.concat([header, bytes]));
  }
}
