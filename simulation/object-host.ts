/**
 * What workerd is to the Dispatcher: it starts an instance when something happens, keeps sockets, storage and the alarm
 * over its death, and lets one thing happen at a time. `dispatcher.ts` itself only passes calls on and cannot be loaded
 * outside workerd; the calls here are the same.
 */
import type { Deps } from "../control-plane/src/deps.ts";
import { onAlarm } from "../control-plane/src/objects/dispatcher/alarm.ts";
import { frameWork, onRunnerFrame } from "../control-plane/src/objects/dispatcher/frames.ts";
import { GroupCommit } from "../control-plane/src/objects/dispatcher/group-commit.ts";
import { openRunnerSocket, runnerGone } from "../control-plane/src/objects/dispatcher/handshake.ts";
import type { Shell, Turn } from "../control-plane/src/objects/dispatcher/shell.ts";
import { closeSocket } from "../control-plane/src/objects/dispatcher/sockets.ts";
import { afterStart, openShell } from "../control-plane/src/objects/dispatcher/start.ts";
import type { SimSocket } from "./sockets.ts";
import { SimStorage, StorageFault } from "./storage.ts";
import type { Timeline } from "./timeline.ts";

export const WORKSPACE = "ws_01simulation000000000000000";

/** The runtime tries a failed alarm again, so often and then never more. */
const ALARM_RETRIES = 6;
const ALARM_RETRY_MS = 2_000;

/** Shorter outages are within what leases allow for. */
const NOTICEABLE_MS = 10_000;

export interface ObjectHostOptions {
  readonly timeline: Timeline;
  readonly deps: Deps;
  /** The server's clock. */
  readonly clock: () => number;
  readonly note: (text: string) => void;
  /** Something threw that nobody injected. */
  readonly broken: (what: string, error: unknown) => void;
  /** One thing has happened and is over. */
  readonly happened: () => void;
}

export class ObjectHost {
  readonly storage = new SimStorage();
  /** The instance in memory; null while there is none. */
  shell: Shell | null = null;
  /** Raised whenever an instance dies: what it waited for never comes. */
  generation = 0;
  /** What is being done, or was done last. */
  doing = "";
  /** Since when it has been served without an outage that runners could notice. */
  upSince = 0;
  /** Nothing is served before this instant: the whole server is down. */
  downUntil = 0;
  /** How much later than planned alarms fire. */
  alarmDelayMs = 0;
  private alarmInHand = false;
  private group: GroupCommit | null = null;
  private sockets: { readonly socket: SimSocket; readonly tags: readonly string[] }[] = [];
  private cancelAlarm = (): void => {};
  private readonly options: ObjectHostOptions;

  constructor(options: ObjectHostOptions) {
    this.options = options;
    this.storage.onAlarmSet = () => this.planAlarm(0);
  }

  get down(): boolean {
    return this.downUntil > this.options.timeline.now;
  }

  /** Runs `act` on the instance, which is started if need be. Undefined when it died of it. */
  call<T>(what: string, act: (shell: Shell) => T): T | undefined {
    this.doing = what;
    try {
      return act(this.instance());
    } catch (error) {
      this.failed(what, error);
      return undefined;
    } finally {
      this.settle();
    }
  }

  /** Decided together with whatever arrives close by; `answer` is not called when the instance dies before. */
  callGrouped<T>(what: string, decide: (shell: Shell, turn: Turn) => T, answer: (value: T) => void): void {
    const { generation } = this;
    this.call(what, (shell) => {
      this.group
        ?.call((turn) => decide(shell, turn))
        .then((value) => {
          if (generation === this.generation) {
            answer(value);
          }
        })
        .catch((error: unknown) => this.failed(what, error));
    });
  }

  /** Starts the instance where there is none, which gives every lease its full length, and decides what waits. */
  wake(): void {
    this.call("wake", () => this.group?.flush());
  }

  /** Decides what waits for company. */
  flush(): void {
    if (this.shell !== null) {
      this.call("flush", () => this.group?.flush());
    }
  }

  accept(socket: SimSocket, claim: { readonly runnerId: string; readonly publicKey: string }): void {
    this.call("connect", (shell) => openRunnerSocket(shell, socket as unknown as WebSocket, claim));
  }

  receive(socket: SimSocket, text: string): void {
    if (text === "ping") {
      // Answered by the runtime, whether the object is in memory or not.
      socket.answeredAt = new Date(this.options.clock());
      if (socket.readyState === 1) {
        socket.send("pong");
      }
      return;
    }
    const { generation } = this;
    this.call("frame", (shell) => {
      const { group } = this;
      onRunnerFrame(shell, socket as unknown as WebSocket, text, (frame) =>
        group?.frame(frameWork(shell, frame)),
      ).catch((error: unknown) => {
        if (generation === this.generation) {
          this.failed("frame", error);
        }
      });
    });
  }

  /** The other end has closed, or the connection broke. */
  socketGone(socket: SimSocket, code: number): void {
    this.call("close", (shell) => {
      this.group?.flush();
      closeSocket(socket as unknown as WebSocket, code, "");
      socket.gone();
      runnerGone(shell, socket as unknown as WebSocket);
    });
    this.sockets = this.sockets.filter((one) => one.socket !== socket);
  }

  /** The instance leaves memory; sockets stay, as in hibernation, which comes only when nothing is waited for. */
  evict(): void {
    this.flush();
    this.forget();
  }

  /** The process dies: memory and sockets are gone, without a word to anybody. */
  crash(downMs: number): void {
    this.forget();
    this.downUntil = Math.max(this.downUntil, this.options.timeline.now + downMs);
    if (downMs > NOTICEABLE_MS) {
      this.upSince = this.downUntil;
    }
    const lost = this.sockets;
    this.sockets = [];
    for (const { socket } of lost) {
      socket.close(1006, "");
      socket.gone();
    }
    this.planAlarm(0);
  }

  /** Fires the alarm once more than it should. */
  alarmAgain(): void {
    if (!this.down) {
      this.call("alarm", (shell) => {
        this.group?.flush();
        onAlarm(shell);
      });
    }
  }

  /** Plans the alarm for its time; also after the server's clock has jumped. */
  planAlarm(tries: number): void {
    this.cancelAlarm();
    const { alarm } = this.storage;
    if (alarm === null) {
      return;
    }
    const { timeline, clock } = this.options;
    const due = Math.max(alarm - clock(), this.downUntil - timeline.now, 0) + this.alarmDelayMs;
    this.cancelAlarm = timeline.after(due + tries * ALARM_RETRY_MS, () => this.fireAlarm(tries));
  }

  /** Whether an alarm will come. */
  get armed(): boolean {
    return this.storage.alarm !== null || this.alarmInHand;
  }

  private fireAlarm(tries: number): void {
    if (this.down) {
      this.planAlarm(tries);
      return;
    }
    const before = this.storage.alarm;
    const { generation } = this;
    this.alarmInHand = true;
    this.call("alarm", (shell) => {
      this.storage.alarm = null;
      this.group?.flush();
      onAlarm(shell);
    });
    this.alarmInHand = false;
    // Died in the middle of it: it is delivered again, unless it set itself anew.
    if (this.generation !== generation && this.shell === null && this.storage.alarm === null && tries < ALARM_RETRIES) {
      this.storage.alarm = before;
      this.planAlarm(tries + 1);
    }
  }

  /** A crash that was injected into a turn ends the instance, even where the turn's own code caught it. */
  settle(): void {
    const { blown } = this.storage;
    this.storage.blown = null;
    if (blown?.kind === "crash") {
      this.crash(0);
    }
    this.options.happened();
  }

  private forget(): void {
    this.generation += 1;
    this.shell = null;
    this.group = null;
    this.storage.dead = false;
  }

  private instance(): Shell {
    if (this.shell === null) {
      const { deps } = this.options;
      const ctx = this.context() as unknown as DurableObjectState;
      this.shell = openShell(ctx, deps);
      this.group = new GroupCommit(this.shell);
      this.shell.alarmAt = this.storage.alarm;
      afterStart(this.shell);
    }
    return this.shell;
  }

  private failed(what: string, error: unknown): void {
    if (error instanceof StorageFault) {
      this.options.note(`injected ${error.kind} in ${what}`);
    } else {
      this.options.broken(what, error);
    }
  }

  private context(): object {
    const { storage } = this;
    return {
      id: { name: WORKSPACE },
      storage,
      getWebSockets: (tag: string) => this.sockets.filter(({ tags }) => tags.includes(tag)).map(({ socket }) => socket),
      acceptWebSocket: (socket: SimSocket, tags: readonly string[]) => this.sockets.push({ socket, tags }),
      getWebSocketAutoResponseTimestamp: (socket: SimSocket) => socket.answeredAt,
    };
  }
}
