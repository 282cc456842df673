/**
 * The control connection, outbound, kept up for ever: a WebSocket, or a polling session where none gets through.
 *
 * Each goes `challenge` → `hello` → `welcome`; before the welcome nothing else is sent. When it breaks, the next
 * one is dialled after a random wait (1 s to 60 s, full jitter; the count starts again after a welcome). Four answers end
 * the program instead, because trying again cannot help: revoked, unknown key, replaced by a newer process, protocols
 * too far apart. What is sent while none is up is dropped: what must arrive is repeated after each welcome.
 *
 * While it polls, a WebSocket is tried on the side now and then. One over which a frame has passed both ways takes over
 * by saying hello: to the control plane it is the newer connection of the same process.
 */
import * as z from "zod";
import { HOME_SHARD, PROTOCOL_VERSION, type RunnerMessage, ServerMessage, type Transport } from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import type { ExitError } from "./base/exit-error.ts";
import { errorText, type Log } from "./base/log.ts";
import { backoffMs, connectRefusal } from "./base/retryable.ts";
import { fatalClose, revoked, tooFarApart } from "./connection-ends.ts";
import { apiUrl, socketUrl } from "./plane-url.ts";
import type { ControlLink } from "./run/deps.ts";
import { Fallback } from "./wire/fallback.ts";
import { PollWire } from "./wire/poll-wire.ts";
import { probeSocket } from "./wire/probe.ts";
import { HANDSHAKE_WITHIN_MS, SocketWire } from "./wire/socket-wire.ts";
import type { Refusal, Wire, WireHandlers } from "./wire/wire.ts";

/** From the open socket to the welcome. */
const WELCOME_WITHIN_MS = 15_000;

export type Hello = Extract<RunnerMessage, { type: "hello" }>;
export type Welcome = Extract<ServerMessage, { type: "welcome" }>;
/** What reaches the loops; `challenge` and `welcome` are handled on the way. */
export type WorkMessage = Exclude<ServerMessage, { type: "challenge" | "welcome" | "error" }>;

export interface ConnectionHandlers {
  /** The answer to a challenge, with everything this runner holds at this moment. `protocol` is the control plane's. */
  hello(nonce: string, protocol: number): Hello;
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
  /** Which of the workspace's Dispatchers; every way of connecting must name it, or it takes over home's connection. */
  readonly shard: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly handlers: ConnectionHandlers;
}

/** One try, and what became of it. */
interface Dialled {
  readonly wire: Wire;
  readonly at: number;
  refusal: Refusal | null;
  error: unknown;
  /** A frame has passed both ways since the welcome. */
  proved: boolean;
}

export class Connection implements ControlLink {
  private readonly options: ConnectionOptions;
  private readonly fallback = new Fallback();
  private dialled: Dialled | null = null;
  private welcomed = false;
  private failures = 0;
  private renewals = 0;
  private stopped = false;
  /** Whether polling was tried since a connection worked last. */
  private polled = false;
  private lastProblem = "";
  private cancelTimer = (): void => {};
  private cancelWelcome = (): void => {};
  private cancelProbe = (): void => {};

  constructor(options: ConnectionOptions) {
    this.options = options;
  }

  get open(): boolean {
    return this.welcomed && this.dialled?.wire.open === true;
  }

  /** What carries it, or will carry the next one. */
  get transport(): Transport {
    return this.dialled?.wire.transport ?? this.fallback.transport;
  }

  start(): void {
    this.dial();
  }

  send(message: RunnerMessage): void {
    if (this.open) {
      this.dialled?.wire.send(JSON.stringify(message));
    }
  }

  /** Whether it left. While it polls, a renewal of all leases of this process takes the ping's place. */
  ping(): boolean {
    if (!this.open) {
      return false;
    }
    if (this.transport === "polling") {
      this.renewals += 1;
      this.send({ type: "renew", id: this.renewals, attempts: [] });
    } else {
      this.dialled?.wire.send("ping");
    }
    return true;
  }

  /** Gives the connection up as dead and dials again. */
  terminate(): void {
    this.dialled?.wire.terminate();
  }

  /** Ends the connection for good; resolves when everything sent before has left, at the latest after 2 s. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTimer();
    this.cancelProbe();
    const { dialled } = this;
    if (dialled === null) {
      return;
    }
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.after(2_000, () => {
        dialled.wire.terminate();
        resolve();
      });
      this.gone = () => {
        cancel();
        resolve();
      };
      dialled.wire.close();
    });
  }

  /** Told when the last connection of a stopped one has ended. */
  private gone = (): void => {};

  private dial(): void {
    this.take(
      this.fallback.transport === "polling"
        ? this.dialPolling()
        : this.newDialled((handlers) => new SocketWire(this.socketUrl(), handlers)),
    );
  }

  /** From now on this one is the connection, once it is welcomed. */
  private take(dialled: Dialled): void {
    this.dialled = dialled;
    this.welcomed = false;
    this.cancelWelcome();
    this.cancelWelcome = this.options.clock.after(HANDSHAKE_WITHIN_MS + WELCOME_WITHIN_MS, () => {
      if (!this.welcomed) {
        dialled.wire.terminate();
      }
    });
  }

  private dialPolling(): Dialled {
    const { url, runnerId, shard, clock, random } = this.options;
    return this.newDialled(
      (handlers) => new PollWire({ url: apiUrl(url, "runner/poll"), runnerId, shard, clock, random, handlers }),
    );
  }

  private socketUrl(): URL {
    const url = socketUrl(this.options.url, "runner/connect");
    url.searchParams.set("runnerId", this.options.runnerId);
    url.searchParams.set("protocol", String(PROTOCOL_VERSION));
    if (this.options.shard !== HOME_SHARD) {
      url.searchParams.set("shard", String(this.options.shard));
    }
    return url;
  }

  private newDialled(make: (handlers: WireHandlers) => Wire): Dialled {
    const dialled: Dialled = {
      wire: make({
        message: (text) => {
          if (this.dialled === dialled) {
            this.receive(dialled, text);
          }
        },
        refused: (refusal) => {
          dialled.refusal = refusal;
          this.refused(dialled, refusal);
        },
        problem: (error) => {
          dialled.error = error;
          if (this.dialled === dialled) {
            this.complain(errorText(error));
          }
        },
        closed: (code, reason) => this.disconnected(dialled, code, reason),
      }),
      at: this.options.clock.monotonic(),
      refusal: null,
      error: null,
      proved: false,
    };
    return dialled;
  }

  private refused(dialled: Dialled, { status, code, detail }: Refusal): void {
    if (this.dialled !== dialled) {
      return;
    }
    const kind = connectRefusal(status, code);
    if (kind === "retry") {
      this.complain(detail);
    } else {
      this.fatal(kind === "revoked" ? revoked(detail) : tooFarApart(detail));
    }
  }

  private receive(dialled: Dialled, text: string): void {
    if (text === "pong") {
      this.proved(dialled);
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
    this.handle(dialled, parsed.data);
  }

  private handle(dialled: Dialled, message: ServerMessage): void {
    const { handlers, log } = this.options;
    switch (message.type) {
      case "challenge":
        dialled.wire.send(JSON.stringify(handlers.hello(message.nonce, message.protocol)));
        return;
      case "welcome":
        this.welcomed = true;
        this.failures = 0;
        this.lastProblem = "";
        log.info("control.connected", {
          transport: dialled.wire.transport,
          leaseMs: message.leaseMs,
          renewMs: message.renewMs,
        });
        handlers.welcomed(message);
        return;
      case "renewed":
        if (dialled.wire.transport === "polling") {
          this.proved(dialled);
        }
        handlers.message(message);
        return;
      case "error":
        log.error("control.error", { code: message.code, problem: message.message });
        this.lastProblem = message.message;
        return;
      default:
        handlers.message(message);
    }
  }

  /** A ping, or what stands for one, was answered. */
  private proved(dialled: Dialled): void {
    const { transport } = dialled.wire;
    if (!dialled.proved) {
      dialled.proved = true;
      this.polled = false;
      this.fallback.works(transport);
      if (transport === "polling") {
        this.planProbe();
      }
    }
    this.options.handlers.pong();
  }

  private disconnected(dialled: Dialled, code: number, reason: string): void {
    if (this.dialled !== dialled) {
      return;
    }
    const wasWelcomed = this.welcomed;
    this.cancelWelcome();
    this.cancelProbe();
    this.dialled = null;
    this.welcomed = false;
    if (wasWelcomed) {
      this.options.handlers.closed();
    }
    this.gone();
    if (this.stopped) {
      return;
    }
    const fatal = fatalClose(code, reason === "" ? this.lastProblem : reason);
    if (fatal !== null) {
      this.fatal(fatal);
      return;
    }
    this.failures += 1;
    this.reconsider(dialled);
    const ms = backoffMs(this.failures, this.options.random());
    this.options.log[wasWelcomed ? "warn" : "debug"]("control.disconnected", { code, reason, reconnectMs: ms });
    this.cancelTimer = this.options.clock.after(ms, () => this.dial());
  }

  /** After a connection that never worked: is it the transport? */
  private reconsider({ proved, wire, at, refusal, error }: Dialled): void {
    if (proved) {
      return;
    }
    const lastedMs = this.options.clock.monotonic() - at;
    if (this.fallback.failed(wire.transport, { lastedMs, refusal, error }) && wire.transport === "websocket") {
      if (!this.polled) {
        // The first time it is soon: leases run while nothing is renewed.
        this.polled = true;
        this.failures = 1;
      }
      this.options.log.warn("control.polling", {
        problem: "no WebSocket gets through: asking over plain HTTP instead",
      });
    }
  }

  private planProbe(): void {
    this.cancelProbe();
    this.cancelProbe = this.options.clock.after(this.fallback.nextProbeMs(this.options.random()), () => this.probe());
  }

  /** Tries a WebSocket on the side; one that works says hello and is the newer connection of this process. */
  private probe(): void {
    this.cancelProbe = probeSocket({
      url: this.socketUrl(),
      clock: this.options.clock,
      failed: () => this.planProbe(),
      works: (adopt, challenge) => {
        const polling = this.dialled;
        const wasWelcomed = this.welcomed;
        const socket = this.newDialled(adopt);
        this.take(socket);
        polling?.wire.terminate();
        if (wasWelcomed) {
          this.options.handlers.closed();
        }
        this.options.log.info("control.websocket", { note: "a WebSocket gets through again" });
        this.receive(socket, challenge);
      },
    });
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
      this.cancelProbe();
      this.options.handlers.fatal(error);
    }
  }
}
