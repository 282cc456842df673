/**
 * The control connection: one WebSocket, outbound, kept up for ever.
 *
 * Each socket goes `challenge` → `hello` → `welcome`; before the welcome nothing else is sent. When it breaks, the next
 * one is dialled after a random wait (1 s to 60 s, full jitter; the count starts again after a welcome). Four answers end
 * the program instead, because trying again cannot help: revoked, unknown key, replaced by a newer process, protocols
 * too far apart. What is sent while no socket is up is dropped: what must arrive is repeated after each welcome.
 */
import type { IncomingMessage } from "node:http";
import WebSocket from "ws";
import * as z from "zod";
import { closeCodes, MAX_FRAME_BYTES, PROTOCOL_VERSION, type RunnerMessage, ServerMessage } from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import { ExitError } from "./base/exit-error.ts";
import { errorText, type Log } from "./base/log.ts";
import { backoffMs, connectRefusal } from "./base/retryable.ts";
import { socketUrl } from "./plane-url.ts";
import type { ControlLink } from "./run/deps.ts";

const HANDSHAKE_WITHIN_MS = 15_000;
/** From the open socket to the welcome. */
const WELCOME_WITHIN_MS = 15_000;
const MAX_REFUSAL_BYTES = 4_096;

export type Hello = Extract<RunnerMessage, { type: "hello" }>;
export type Welcome = Extract<ServerMessage, { type: "welcome" }>;
/** What reaches the loops; `challenge` and `welcome` are handled on the way. */
export type WorkMessage = Exclude<ServerMessage, { type: "challenge" | "welcome" | "error" }>;

export interface ConnectionHandlers {
  /** The answer to a challenge, with everything this runner holds at this moment. */
  hello(nonce: string): Hello;
  welcomed(welcome: Welcome): void;
  message(message: WorkMessage): void;
  pong(): void;
  closed(): void;
  /** The program must end. */
  fatal(error: ExitError): void;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly runnerId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly handlers: ConnectionHandlers;
}

export class Connection implements ControlLink {
  private readonly options: ConnectionOptions;
  private socket: WebSocket | null = null;
  private welcomed = false;
  private failures = 0;
  private stopped = false;
  private lastProblem = "";
  private cancelTimer = (): void => {};

  constructor(options: ConnectionOptions) {
    this.options = options;
  }

  get open(): boolean {
    return this.welcomed && this.socket?.readyState === WebSocket.OPEN;
  }

  start(): void {
    this.dial();
  }

  send(message: RunnerMessage): void {
    if (this.open) {
      this.socket?.send(JSON.stringify(message));
    }
  }

  /** Whether it left. */
  ping(): boolean {
    if (!this.open) {
      return false;
    }
    this.socket?.send("ping");
    return true;
  }

  /** Gives the socket up as dead and dials again. */
  terminate(): void {
    this.socket?.terminate();
  }

  /** Ends the connection for good; resolves when everything sent before has left, at the latest after 2 s. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTimer();
    const { socket } = this;
    if (socket === null) {
      return;
    }
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.after(2_000, () => {
        socket.terminate();
        resolve();
      });
      socket.once("close", () => {
        cancel();
        resolve();
      });
      socket.close(1000);
    });
  }

  private dial(): void {
    const url = socketUrl(this.options.url, "runner/connect");
    url.searchParams.set("runnerId", this.options.runnerId);
    url.searchParams.set("protocol", String(PROTOCOL_VERSION));
    const socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
    });
    this.socket = socket;
    this.welcomed = false;
    const cancelWelcome = this.options.clock.after(HANDSHAKE_WITHIN_MS + WELCOME_WITHIN_MS, () => {
      if (!this.welcomed) {
        socket.terminate();
      }
    });
    socket.on("unexpected-response", (_request, response) => void this.refused(socket, response));
    socket.on("message", (data, isBinary) => {
      if (this.socket === socket && !isBinary && Buffer.isBuffer(data)) {
        this.receive(socket, data.toString());
      }
    });
    socket.on("error", (error) => this.complain(errorText(error)));
    socket.on("close", (code, reason) => {
      cancelWelcome();
      this.disconnected(socket, code, reason.toString());
    });
  }

  private async refused(socket: WebSocket, response: IncomingMessage): Promise<void> {
    const status = response.statusCode ?? 0;
    const problem = await readProblem(response);
    const detail = problem?.detail ?? `the control plane answered ${status}`;
    const kind = connectRefusal(status, problem?.code ?? null);
    if (kind === "retry") {
      this.complain(detail);
    } else {
      this.fatal(kind === "revoked" ? revoked(detail) : tooFarApart(detail));
    }
    socket.terminate();
    // `ws` leaves the end of a refused upgrade to whoever listens for it.
    this.disconnected(socket, 1006, detail);
  }

  private receive(socket: WebSocket, text: string): void {
    if (text === "pong") {
      this.options.handlers.pong();
      return;
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      this.options.log.error("control.not_json", { length: text.length });
      return;
    }
    const parsed = ServerMessage.safeParse(json);
    if (!parsed.success) {
      const type = z.object({ type: z.string() }).safeParse(json).data?.type;
      const known = ServerMessage.options.some((option) => option.shape.type.value === type);
      this.options.log[known ? "error" : "debug"]("control.unreadable", {
        type,
        problem: known ? z.prettifyError(parsed.error) : "a type this version does not know",
      });
      return;
    }
    this.handle(socket, parsed.data);
  }

  private handle(socket: WebSocket, message: ServerMessage): void {
    const { handlers, log } = this.options;
    switch (message.type) {
      case "challenge":
        socket.send(JSON.stringify(handlers.hello(message.nonce)));
        return;
      case "welcome":
        this.welcomed = true;
        this.failures = 0;
        this.lastProblem = "";
        log.info("control.connected", { leaseMs: message.leaseMs, renewMs: message.renewMs });
        handlers.welcomed(message);
        return;
      case "error":
        log.error("control.error", { code: message.code, problem: message.message });
        this.lastProblem = message.message;
        return;
      default:
        handlers.message(message);
    }
  }

  private disconnected(socket: WebSocket, code: number, reason: string): void {
    if (this.socket !== socket) {
      return;
    }
    const wasWelcomed = this.welcomed;
    this.socket = null;
    this.welcomed = false;
    if (wasWelcomed) {
      this.options.handlers.closed();
    }
    if (this.stopped) {
      return;
    }
    const fatal = fatalClose(code, reason === "" ? this.lastProblem : reason);
    if (fatal !== null) {
      this.fatal(fatal);
      return;
    }
    this.failures += 1;
    const ms = backoffMs(this.failures, this.options.random());
    this.options.log[wasWelcomed ? "warn" : "debug"]("control.disconnected", { code, reason, reconnectMs: ms });
    this.cancelTimer = this.options.clock.after(ms, () => this.dial());
  }

  /** Says once, not every few seconds, what keeps the connection from coming up. */
  private complain(problem: string): void {
    if (problem !== this.lastProblem && !this.stopped) {
      this.lastProblem = problem;
      this.options.log.warn("control.unreachable", { url: this.options.url, problem });
    }
  }

  private fatal(error: ExitError): void {
    if (!this.stopped) {
      this.stopped = true;
      this.cancelTimer();
      this.options.handlers.fatal(error);
    }
  }
}

function fatalClose(code: number, reason: string): ExitError | null {
  switch (code) {
    case closeCodes.unauthenticated:
    case closeCodes.revoked:
      return revoked(reason);
    case closeCodes.replaced:
      return new ExitError(
        "conflict",
        "A newer process with this runner's key has taken over.",
        "Nothing to do if you started it; otherwise revoke this runner on the Runners page: its key was copied.",
      );
    case closeCodes.upgradeRequired:
      return tooFarApart(reason);
    default:
      return null;
  }
}

function revoked(detail: string): ExitError {
  return new ExitError(
    "revoked",
    `The control plane no longer accepts this runner${detail === "" ? "." : `: ${detail}`}`,
    "Register this machine again with a new token from the Runners page.",
  );
}

function tooFarApart(detail: string): ExitError {
  return new ExitError(
    "upgrade",
    `Runner and control plane are too far apart${detail === "" ? "." : `: ${detail}`}`,
    `This runner speaks protocol ${PROTOCOL_VERSION}. Upgrade the older side.`,
  );
}

const Refusal = z.object({ code: z.string(), detail: z.string() });

async function readProblem(response: IncomingMessage): Promise<z.infer<typeof Refusal> | null> {
  try {
    let text = "";
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.length > MAX_REFUSAL_BYTES) {
        return null;
      }
    }
    return Refusal.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
