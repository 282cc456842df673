/**
 * The control connection of a simulated runner: `connection.ts` of the runner without `ws`, kept line for line beside it;
 * a change there is a change here.
 */
import { closeCodes, type RunnerMessage, ServerMessage } from "@cronium/protocol";
import type { Clock } from "../runner/src/base/clock.ts";
import { backoffMs } from "../runner/src/base/retryable.ts";
import type { ControlLink } from "../runner/src/run/deps.ts";
import type { Rng } from "./rng.ts";

/** From the start of dialling to the welcome: as in `connection.ts`. */
const WELCOME_WITHIN_MS = 30_000;

/** Closes after which dialling again cannot help. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  closeCodes.unauthenticated,
  closeCodes.revoked,
  closeCodes.replaced,
  closeCodes.upgradeRequired,
]);

/** The process's end of a socket. */
export interface Dialled {
  send(text: string): void;
  terminate(): void;
  close(): void;
}

export interface DialHandlers {
  message(text: string): void;
  closed(code: number): void;
  /** The control plane answered the upgrade with 403 `runner_revoked`. */
  revoked(): void;
}

export type Welcome = Extract<ServerMessage, { type: "welcome" }>;
export type WorkMessage = Exclude<ServerMessage, { type: "challenge" | "welcome" | "error" }>;

export interface RunnerLinkOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly dial: (handlers: DialHandlers) => Dialled;
  readonly sent: (message: RunnerMessage) => void;
  readonly hello: (nonce: string) => RunnerMessage;
  readonly welcomed: (welcome: Welcome) => void;
  readonly message: (message: WorkMessage) => void;
  readonly pong: () => void;
  /** One that was welcomed has ended. */
  readonly closed: () => void;
  /** It cannot be dialled again. */
  readonly fatal: (why: string) => void;
}

export class RunnerLink implements ControlLink {
  private readonly options: RunnerLinkOptions;
  private socket: Dialled | null = null;
  private welcomed = false;
  private failures = 0;
  private stopped = false;

  constructor(options: RunnerLinkOptions) {
    this.options = options;
  }

  get open(): boolean {
    return this.welcomed && this.socket !== null;
  }

  send(message: RunnerMessage): void {
    if (this.open) {
      this.options.sent(message);
      this.socket?.send(JSON.stringify(message));
    }
  }

  ping(): boolean {
    if (!this.open) {
      return false;
    }
    this.socket?.send("ping");
    return true;
  }

  dial(): void {
    const { clock } = this.options;
    this.welcomed = false;
    const socket: Dialled = this.options.dial({
      message: (text) => {
        if (this.socket === socket) {
          this.receiveText(socket, text);
        }
      },
      closed: (code) => {
        cancelWelcome();
        this.disconnected(socket, code);
      },
      revoked: () => {
        cancelWelcome();
        this.options.fatal("revoked");
      },
    });
    this.socket = socket;
    const cancelWelcome = clock.after(WELCOME_WITHIN_MS, () => {
      if (this.socket === socket && !this.welcomed) {
        socket.terminate();
      }
    });
  }

  terminate(): void {
    this.socket?.terminate();
  }

  close(): void {
    this.socket?.close();
  }

  /** It is not dialled again. */
  stop(): void {
    this.stopped = true;
  }

  private receiveText(socket: Dialled, text: string): void {
    if (text === "pong") {
      this.options.pong();
      return;
    }
    const message = ServerMessage.parse(JSON.parse(text));
    switch (message.type) {
      case "challenge": {
        const hello = this.options.hello(message.nonce);
        this.options.sent(hello);
        socket.send(JSON.stringify(hello));
        return;
      }
      case "welcome":
        this.welcomed = true;
        this.failures = 0;
        this.options.welcomed(message);
        return;
      case "error":
        return;
      default:
        this.options.message(message);
    }
  }

  private disconnected(socket: Dialled, code: number): void {
    if (this.socket !== socket) {
      return;
    }
    const wasWelcomed = this.welcomed;
    this.socket = null;
    this.welcomed = false;
    if (wasWelcomed) {
      this.options.closed();
    }
    if (this.stopped) {
      return;
    }
    if (FINAL_CODES.has(code)) {
      this.options.fatal(`closed with ${code}`);
      return;
    }
    this.failures += 1;
    this.options.clock.after(backoffMs(this.failures, this.options.rng.next()), () => this.dial());
  }
}
