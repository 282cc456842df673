/**
 * A machine with a runner on it: the journal and the containers stay, processes come and go. A paused process (SIGSTOP)
 * finds everything that was due meanwhile when it goes on; a killed one finds nothing any more.
 */
import { base64url, connectMessage, type RunnerMessage } from "@cronium/protocol";
import { type Clock, delay } from "../runner/src/base/clock.ts";
import type { Log } from "../runner/src/base/log.ts";
import type { LogSink } from "../runner/src/run/deps.ts";
import { Containers, type ContainersOptions } from "./containers.ts";
import { SimJournal } from "./journal.ts";
import type { ObjectHost } from "./object-host.ts";
import { signatureOf } from "./platform.ts";
import type { Rng } from "./rng.ts";
import type { Dialled, DialHandlers } from "./runner-link.ts";
import { RunnerProcess } from "./runner-process.ts";
import { SimSocket } from "./sockets.ts";
import type { Timeline } from "./timeline.ts";
import { Lane, noTrouble, type Path } from "./wire.ts";

export interface MachineOptions {
  readonly runnerId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly slots: number;
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly object: ObjectHost;
  readonly revoked: (runnerId: string) => boolean;
  readonly note: (text: string) => void;
  /** A frame reaches the Dispatcher's machine: `deliver` hands it over; `open` is false when its socket died before. */
  readonly toServer: (machine: Machine, text: string, open: boolean, deliver: () => void) => void;
  /** The process says something, whether it arrives or not. */
  readonly says: (machine: Machine, message: RunnerMessage) => void;
  /** A frame leaves the Dispatcher. */
  readonly sent: (machine: Machine, text: string) => void;
  /** A frame reaches the machine. */
  readonly toRunner: (machine: Machine, text: string) => void;
  readonly containers: Pick<ContainersOptions, "started" | "ended">;
  readonly broken: (what: string, error: unknown) => void;
  /** A process has ended, and why. */
  readonly ended: (machine: Machine, why: string) => void;
}

/** What was sent before a close by the process itself arrives before it. */
const CLOSE_MS = 60;

/** A process and whether it may act. */
interface Life {
  readonly epoch: string;
  readonly process: RunnerProcess;
  alive: boolean;
  paused: boolean;
  backlog: (() => void)[];
}

const silent: Log = {
  redactor: { add: () => {}, remove: () => {}, text: (text) => text },
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silent,
};

export class Machine {
  readonly id: string;
  readonly slots: number;
  readonly publicKey: string;
  readonly containers: Containers;
  readonly path: Path = { up: noTrouble(), down: noTrouble() };
  /** Everything that its processes have sent, for those who repeat it later. */
  readonly said: string[] = [];
  /** Added to the machine's wall clock. */
  skewMs = 0;
  /** Since when its newest process has been running undisturbed; infinite while it is paused or dead. */
  soundSince = Number.POSITIVE_INFINITY;
  /** When the Dispatcher last heard of each process, by epoch. */
  readonly heard = new Map<string, number>();
  /** Attempts that a grant which arrived here named. */
  readonly granted = new Map<string, number>();
  private readonly options: MachineOptions;
  private readonly key: Uint8Array;
  private readonly journal: SimJournal;
  private life: Life | null = null;
  /** Counts the sockets that were dialled. */
  socketId = 0;
  private wire: { readonly server: SimSocket | null; readonly cut: (code: number) => void } | null = null;

  constructor(options: MachineOptions) {
    this.options = options;
    this.id = options.runnerId;
    this.slots = options.slots;
    this.key = options.rng.bytes(32);
    this.publicKey = base64url(this.key);
    const { timeline, rng } = options;
    this.journal = new SimJournal(() => {
      const { life } = this;
      return life === null
        ? Promise.resolve()
        : delay(
            this.clock(() => life),
            rng.int(1, 8),
          );
    });
    this.containers = new Containers({ machine: this.id, timeline, rng, ...options.containers });
  }

  get up(): boolean {
    return this.life?.alive === true;
  }

  get connected(): boolean {
    return this.life?.process.open === true;
  }

  get epoch(): string {
    return this.life?.epoch ?? "";
  }

  start(): void {
    if (this.up) {
      return;
    }
    const { options } = this;
    const epoch = Buffer.from(options.rng.bytes(16)).toString("hex");
    const clock = this.clock(() => life);
    const process = new RunnerProcess({
      runnerId: this.id,
      epoch,
      slots: this.slots,
      clock,
      rng: options.rng,
      log: silent,
      journal: this.journal,
      executor: this.containers.executor(clock),
      logSink: () => this.logSink(() => life),
      sign: (nonce) => {
        const message = new TextEncoder().encode(connectMessage(nonce, this.id, epoch));
        return base64url(new Uint8Array(signatureOf(this.key, message)));
      },
      dial: (handlers) => this.dial(life, handlers),
      ended: (why) => this.end(life, why),
      sent: (message: RunnerMessage) => {
        options.says(this, message);
        if (message.type !== "hello") {
          this.said.push(JSON.stringify(message));
        }
      },
      policy: () => ({ ok: true, mounts: [] }),
    });
    const life: Life = { epoch, process, alive: true, paused: false, backlog: [] };
    this.life = life;
    this.soundSince = options.timeline.now;
    process.start().catch((error: unknown) => options.broken("runner", error));
  }

  /** SIGKILL: what it knew is gone, its connection breaks, its containers go on. */
  kill(): void {
    this.end(this.life, "killed");
  }

  pause(): void {
    if (this.life !== null) {
      this.life.paused = true;
      this.soundSince = Number.POSITIVE_INFINITY;
    }
  }

  resume(): void {
    const { life } = this;
    if (life === null || !life.alive || !life.paused) {
      return;
    }
    life.paused = false;
    this.soundSince = this.options.timeline.now;
    for (const act of life.backlog.splice(0)) {
      this.deliver(life, act);
    }
  }

  terminate(): void {
    const { life } = this;
    if (life !== null) {
      this.deliver(life, () => life.process.signal());
    }
  }

  /** The connection breaks; both ends learn of it, the server only if it can be reached. */
  breakConnection(): void {
    this.wire?.cut(1006);
  }

  /** Sends a text over the ready socket as if the process had. */
  inject(text: string): void {
    const socket = this.wire?.server;
    if (this.connected && socket !== null && socket !== undefined) {
      this.options.toServer(this, text, isOpen(socket), () => this.options.object.receive(socket, text));
    }
  }

  private end(life: Life | null, why: string): void {
    if (life === null || !life.alive) {
      return;
    }
    life.alive = false;
    this.soundSince = Number.POSITIVE_INFINITY;
    this.options.note(`${this.id} ended: ${why}`);
    this.options.ended(this, why);
    this.wire?.cut(1006);
  }

  private deliver(life: Life, act: () => void): void {
    if (!life.alive) {
      return;
    }
    if (life.paused) {
      life.backlog.push(act);
    } else {
      act();
    }
  }

  private clock(life: () => Life): Clock {
    const { timeline } = this.options;
    const after = (ms: number, run: () => void): (() => void) => {
      let cancelled = false;
      const cancel = timeline.after(ms, () =>
        this.deliver(life(), () => {
          if (!cancelled) {
            run();
          }
        }),
      );
      return () => {
        cancelled = true;
        cancel();
      };
    };
    return {
      now: () => 1_800_000_000_000 + timeline.now + this.skewMs,
      monotonic: () => timeline.now,
      after,
      every: (ms, run) => {
        let cancel = (): void => {};
        const again = (): void => {
          cancel = after(ms, () => {
            again();
            run();
          });
        };
        again();
        return () => cancel();
      },
    };
  }

  /** Logs are not simulated yet: they arrive after some seconds, or not at all when the control plane is away. */
  private logSink(life: () => Life): LogSink {
    const { rng } = this.options;
    return {
      connect: () => {},
      conceal: () => {},
      limit: () => {},
      bytes: () => {},
      notice: () => {},
      taken: { stdout: 0, stderr: 0 },
      lost: () => {},
      close: () => {},
      end: (withinMs) =>
        new Promise((resolve) => {
          const late = rng.chance(0.1);
          const logBytes = rng.chance(0.5) ? 0 : rng.int(1, 5_000);
          this.clock(life).after(late ? withinMs : rng.int(1, 3_000), () =>
            resolve({ logBytes, logState: late ? "incomplete" : "complete" }),
          );
        }),
      remove: () => {},
    };
  }

  private dial(life: Life, handlers: DialHandlers): Dialled {
    const { options, path } = this;
    const { timeline, rng, object } = options;
    let over = false;
    let server: SimSocket | null = null;
    const toClient = (act: () => void): void => this.deliver(life, act);
    const down = new Lane(timeline, rng, path.down, (text) => {
      options.toRunner(this, text);
      toClient(() => handlers.message(text));
    });
    const up = new Lane(timeline, rng, path.up, (text) => {
      const socket = server;
      if (socket !== null) {
        options.toServer(this, text, isOpen(socket), () => object.receive(socket, text));
      }
    });
    /** One end says it is over: the client hears at once, the server as soon as anything gets through to it. */
    const cut = (code: number): void => {
      if (over) {
        return;
      }
      over = true;
      up.stop();
      down.stop();
      if (this.wire === wire) {
        this.wire = null;
      }
      timeline.after(1, () => toClient(() => handlers.closed(code)));
      const socket = server;
      if (socket !== null) {
        this.tellServer(socket, code);
      }
    };
    const socketOf = (): SimSocket =>
      new SimSocket({
        sent: (text) => {
          if (!object.storage.dead) {
            options.sent(this, text);
            down.send(text);
          }
        },
        // Frames that were sent before the close arrive before it.
        closed: (code) => {
          const wait = Math.max(path.down.holeUntil - timeline.now, 0) + rng.int(20, 60);
          timeline.after(wait, () => cut(code));
        },
      });
    const wire = {
      get server() {
        return server;
      },
      cut,
    };
    this.wire?.cut(1006);
    this.wire = wire;
    this.socketId += 1;
    timeline.after(rng.int(5, 200), () => {
      if (over) {
        return;
      }
      if (object.down) {
        cut(1006);
      } else if (path.up.holeUntil <= timeline.now && path.down.holeUntil <= timeline.now) {
        if (options.revoked(this.id)) {
          over = true;
          toClient(handlers.revoked);
          return;
        }
        server = socketOf();
        object.accept(server, { runnerId: this.id, publicKey: this.publicKey });
      }
    });
    return {
      send: (text) => up.send(text),
      terminate: () => cut(1006),
      close: () => void timeline.after(CLOSE_MS, () => cut(1000)),
    };
  }

  /** A server behind a hole keeps its end open, and counts the runner as connected, until something gets through. */
  private tellServer(socket: SimSocket, code: number): void {
    const { timeline, object } = this.options;
    const wait = Math.max(this.path.up.holeUntil - timeline.now, 0) + 2;
    timeline.after(wait, () => {
      if (this.path.up.holeUntil > timeline.now) {
        this.tellServer(socket, code);
      } else if (socket.readyState !== 3 && !object.down) {
        object.socketGone(socket, code);
      }
    });
  }
}

function isOpen({ readyState }: SimSocket): boolean {
  return readyState === 1;
}
