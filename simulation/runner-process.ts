/**
 * One process of a runner: the loops, the life of a job and the verdicts are the runner's own modules. What is rebuilt
 * here is what surrounds them and cannot leave a real machine: the wiring of `runner-program.ts`, kept line for line
 * beside it; a change there is a change here. The connection is in `runner-link.ts`.
 */
import {
  DEFAULT_GRACE_MS,
  type HeldAttempt,
  type Job,
  HOME_SHARD,
  PROTOCOL_VERSION,
  type RunnerMessage,
} from "@cronium/protocol";
import type { Clock } from "../runner/src/base/clock.ts";
import type { Log } from "../runner/src/base/log.ts";
import type { Executor } from "../runner/src/executors/types.ts";
import type { Journal } from "../runner/src/journal.ts";
import { Calls } from "../runner/src/calls.ts";
import { Cancel } from "../runner/src/loops/cancel.ts";
import { Dispatch } from "../runner/src/loops/dispatch.ts";
import { Drain } from "../runner/src/loops/drain.ts";
import { Heartbeat } from "../runner/src/loops/heartbeat.ts";
import { Report } from "../runner/src/loops/report.ts";
import { adoptEarlierRuns, finishEarlierRuns, lostAttempts } from "../runner/src/recover.ts";
import type { LogSink, RunDeps } from "../runner/src/run/deps.ts";
import { Runs } from "../runner/src/run/runs.ts";
import type { SimJournal } from "./journal.ts";
import type { Rng } from "./rng.ts";
import { type DialHandlers, type Dialled, RunnerLink, type Welcome, type WorkMessage } from "./runner-link.ts";

const SWEEP_EVERY_MS = 60_000;
const STOP_WITHIN_MS = 20_000;
/** From `bye` to the end of the process, while the socket closes. */
const LEAVE_MS = 100;

export interface ProcessOptions {
  readonly runnerId: string;
  readonly epoch: string;
  readonly slots: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly journal: SimJournal;
  readonly executor: Executor;
  readonly logSink: () => LogSink;
  readonly sign: (nonce: string, epoch: string) => string;
  readonly dial: (handlers: DialHandlers) => Dialled;
  /** The process has ended by itself. */
  readonly ended: (why: string) => void;
  readonly sent: (message: RunnerMessage) => void;
  readonly policy: (job: Job) => ReturnType<RunDeps["policy"]>;
}

export class RunnerProcess {
  readonly runs = new Runs();
  private readonly options: ProcessOptions;
  private readonly link: RunnerLink;
  private readonly deps: RunDeps;
  private readonly heartbeat: Heartbeat;
  private readonly dispatch: Dispatch;
  private readonly cancel: Cancel;
  private readonly report: Report;
  private readonly drain: Drain;
  readonly calls: Calls;
  private stopped = false;

  constructor(options: ProcessOptions) {
    this.options = options;
    const { clock, log, journal, executor } = options;
    const link = new RunnerLink({
      clock,
      rng: options.rng,
      dial: options.dial,
      sent: options.sent,
      hello: (nonce) => this.hello(nonce),
      welcomed: (welcome) => this.onWelcome(welcome),
      message: (message) => this.receive(message),
      pong: () => this.heartbeat.pong(),
      closed: () => this.heartbeat.disconnected(),
      fatal: (why) => this.fatal(why),
    });
    this.link = link;
    this.heartbeat = new Heartbeat({
      clock,
      log,
      ping: () => link.ping(),
      terminate: () => link.terminate(),
      leaseLost: () => this.fence(),
      measured: () => {},
      renewed: (at, leaseMs) => {
        if (this.runs.size > 0) {
          journal.note({ type: "renewed", at, leaseMs });
        }
      },
    });
    this.calls = new Calls({
      clock,
      send: (message) => link.send(message),
      protocolFor: () => PROTOCOL_VERSION,
      uncache: async () => {},
    });
    const deps: RunDeps = {
      clock,
      calls: this.calls,
      log,
      link,
      journal,
      executor,
      egress: { also: null, privateRanges: [] },
      sidecar: {
        key: new Uint8Array(32),
        folderOf: () => "",
        open: async () => {},
        bind: () => {},
        close: async () => {},
      },
      runnerName: options.runnerId,
      policy: options.policy,
      openSecrets: () => ({}),
      logSink: options.logSink,
      randomId: () => Buffer.from(options.rng.bytes(8)).toString("hex"),
    };
    this.deps = deps;
    this.dispatch = new Dispatch({
      deps,
      runs: this.runs,
      capacity: options.slots,
      draining: () => this.drain.draining,
      notReady: () => null,
    });
    const removeSpool = (): void => {};
    this.cancel = new Cancel({ runs: this.runs, journal, log, removeSpool });
    this.report = new Report({ clock, link, journal, removeSpool });
    this.drain = new Drain({
      clock,
      log,
      runs: this.runs,
      timeoutMs: null,
      undelivered: () => this.report.pending,
      began: () => this.sendStatus(),
      finished: () => this.leave(),
      abort: () => options.ended("aborted"),
    });
  }

  get open(): boolean {
    return this.link.open;
  }

  async start(): Promise<void> {
    const { clock, log } = this.options;
    const journal = this.options.journal as unknown as Journal;
    await adoptEarlierRuns(journal, this.runs, this.deps);
    const { lastRenewal } = journal;
    if (this.runs.size > 0 && lastRenewal !== null) {
      this.heartbeat.resume(lastRenewal.at, lastRenewal.leaseMs);
    }
    clock.every(SWEEP_EVERY_MS, () => void this.sweep());
    // Before the first hello, so that what it reports as lost is really gone.
    await this.sweep();
    finishEarlierRuns({
      journal,
      runs: this.runs,
      link: this.link,
      log,
      logSink: this.options.logSink,
    });
    this.link.dial();
  }

  signal(): void {
    this.drain.onSignal("SIGTERM");
  }

  private async sweep(): Promise<void> {
    await this.options.executor.sweep((runId, attempt) => this.runs.get({ runId, attempt }) !== undefined);
  }

  private hello(nonce: string): RunnerMessage {
    const { runnerId, epoch, slots, journal } = this.options;
    const held = journal.entries().map((entry): HeldAttempt => {
      const { runId, attempt } = entry;
      const phase = this.runs.get(entry)?.phase ?? "lost";
      return { runId, attempt, state: entry.result === null ? phase : "exited" };
    });
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      runnerId,
      epoch,
      signature: this.options.sign(nonce, epoch),
      version: "0.0.0",
      platform: { os: "linux", arch: "x64", hostname: "host", node: "24", docker: null, cpus: 2, memoryMb: 2_048 },
      slots,
      notReady: [],
      held,
    };
  }

  private onWelcome(welcome: Welcome): void {
    this.heartbeat.connected(welcome.leaseMs, welcome.renewMs);
    for (const ref of welcome.kill) {
      this.cancel.drop(ref, "kill");
    }
    for (const ref of lostAttempts(this.options.journal as unknown as Journal, this.runs)) {
      this.cancel.drop(ref, "reported as lost");
    }
    this.report.repeat();
    this.calls.repeat(HOME_SHARD);
    this.dispatch.repeatAccepts();
    if (this.drain.draining) {
      this.sendStatus();
    }
  }

  private receive(message: WorkMessage): void {
    switch (message.type) {
      case "jobs":
        this.dispatch.onJobs(message);
        return;
      case "granted":
        this.heartbeat.granted();
        this.dispatch.onGranted(message);
        return;
      case "refused":
        this.dispatch.onRefused(message);
        return;
      case "cancel":
        this.cancel.onCancel(message);
        return;
      case "ack":
        this.report.onAck(message);
        return;
      case "stale":
        this.cancel.drop({ runId: message.runId, attempt: message.attempt }, "stale");
        return;
      case "drain":
        this.drain.begin();
        return;
      case "renewed":
        for (const ref of message.stale) {
          this.cancel.drop(ref, "stale");
        }
        return;
      case "answer":
        this.calls.onAnswer(message);
        return;
      case "uncache":
        this.calls.onUncache(message);
        return;
      case "shards":
      case "measure":
        return;
      default:
        message satisfies never;
    }
  }

  private fence(): void {
    for (const run of this.runs.all()) {
      if (run.job.definition.onLost === "retry") {
        run.stop("lease_lost", DEFAULT_GRACE_MS);
      }
    }
  }

  private sendStatus(): void {
    this.link.send({ type: "status", notReady: [], draining: this.drain.draining, latencyMs: null });
  }

  private leave(): void {
    this.link.send({ type: "bye" });
    this.stop();
    this.link.close();
    this.options.clock.after(LEAVE_MS, () => this.options.ended("drained"));
  }

  private stop(): void {
    this.stopped = true;
    this.link.stop();
  }

  private fatal(why: string): void {
    if (this.stopped) {
      return;
    }
    this.stop();
    const runs = this.runs.all();
    for (const run of runs) {
      run.drop(why);
    }
    const { clock, ended } = this.options;
    const cancel = clock.after(STOP_WITHIN_MS, () => ended(why));
    void Promise.all(runs.map((run) => run.finished)).then(() => {
      cancel();
      ended(why);
    });
  }
}
