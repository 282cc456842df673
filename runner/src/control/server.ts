/** Serves the runner's control socket: one request per connection, answered by the running runner. */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import * as z from "zod";
import { errorText, type Log } from "../base/log.ts";
import { ControlRequest, type ControlReply, type ParsedRequest } from "./messages.ts";

/** A path for `sockaddr_un` has at most this many bytes. */
const MAX_SOCKET_PATH_BYTES = 107;
const MAX_REQUEST_BYTES = 16_384;
const REQUEST_WITHIN_MS = 10_000;

export function controlSocketPath(dataDir: string): string {
  return join(dataDir, "control.sock");
}

/** Thrown by a handler to refuse a request with a word for programs and a sentence for people. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Lines that follow the first answer; `ended` is told when the other end hangs up. */
export interface LogStreamOut {
  line(stream: string, text: string): void;
  ended(run: () => void): void;
}

export interface ControlHandlers {
  /** The value of the answer; throws `Refused`. */
  answer(request: Exclude<ParsedRequest, { type: "logs" }>): unknown;
  /** Writes what there is; resolves when nothing more comes. Throws `Refused`. */
  logs(request: Extract<ParsedRequest, { type: "logs" }>, out: LogStreamOut): Promise<void>;
  /** The answer to this request has left. */
  answered(request: ParsedRequest): void;
}

export class ControlServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly path: string;
  private readonly log: Log;
  private readonly handlers: ControlHandlers;

  constructor(dataDir: string, handlers: ControlHandlers, log: Log) {
    this.path = controlSocketPath(dataDir);
    this.handlers = handlers;
    this.log = log;
    this.server = createServer((socket) => this.accept(socket));
  }

  /** Never rejects: a runner without its control socket works, and says that it has none. */
  async open(): Promise<void> {
    try {
      if (Buffer.byteLength(this.path) > MAX_SOCKET_PATH_BYTES) {
        throw new Error(`its path has more than ${MAX_SOCKET_PATH_BYTES} bytes`);
      }
      // The data folder's lock says that whoever made it is gone.
      rmSync(this.path, { force: true });
      await new Promise<void>((resolve, reject) => {
        this.server.once("error", reject);
        this.server.listen(this.path, resolve);
      });
      chmodSync(this.path, 0o600);
    } catch (error) {
      this.log.warn("control.no_socket", { path: this.path, problem: errorText(error) });
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => {});
    socket.setTimeout(REQUEST_WITHIN_MS, () => socket.destroy());
    let text = "";
    const take = (chunk: Buffer): void => {
      text += chunk.toString("utf8");
      const end = text.indexOf("\n");
      if (end < 0 && text.length <= MAX_REQUEST_BYTES) {
        return;
      }
      socket.off("data", take);
      socket.resume();
      socket.setTimeout(0);
      void this.handle(socket, end < 0 ? "" : text.slice(0, end));
    };
    socket.on("data", take);
  }

  private async handle(socket: Socket, line: string): Promise<void> {
    const say = (reply: ControlReply): void => {
      socket.write(`${JSON.stringify(reply)}\n`);
    };
    const request = parseRequest(line);
    if (typeof request === "string") {
      say({ type: "refused", code: "bad_request", message: request });
      socket.end();
      return;
    }
    try {
      if (request.type === "logs") {
        await this.handlers.logs(request, {
          line: (stream, text) => say({ type: "log", stream, text }),
          ended: (run) => socket.once("close", run),
        });
        say({ type: "ok", value: null });
      } else {
        say({ type: "ok", value: (await this.handlers.answer(request)) ?? null });
      }
      socket.end(() => this.handlers.answered(request));
    } catch (error) {
      const code = error instanceof Refused ? error.code : "internal";
      say({ type: "refused", code, message: errorText(error) });
      socket.end();
    }
  }
}

function parseRequest(line: string): ParsedRequest | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return "A request is one line of JSON.";
  }
  const parsed = ControlRequest.safeParse(json);
  return parsed.success ? parsed.data : `This runner does not take that: ${z.prettifyError(parsed.error)}`;
}
