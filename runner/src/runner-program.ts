/** A running runner: its parts put together, from the first look at the machine until everything is stopped. */
import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { type AttemptRef, shardOf } from "@cronium/protocol";
import { type Clock, settledWithin } from "./base/clock.ts";
import { exitCodes } from "./base/exit-error.ts";
import { errorText, type Log } from "./base/log.ts";
import type { LogTail } from "./base/log-tail.ts";
import { Calls } from "./calls.ts";
import type { Config } from "./config.ts";
import { Desk } from "./control/desk.ts";
import { ControlServer } from "./control/server.ts";
import { Departure } from "./departure.ts";
import type { DataDir } from "./data-dir.ts";
import type { Executor } from "./executors/types.ts";
import { executionKey } from "./execution-key.ts";
import { greeting, type GreetingOptions } from "./greeting.ts";
import { describePlatform, type Identity } from "./identity.ts";
import { deliver, settle, stopFenced } from "./inbox.ts";
import { Intake } from "./intake.ts";
import { JobLogs } from "./job-logs.ts";
import { JobSpools, spoolName } from "./job-spools.ts";
import { Journal } from "./journal.ts";
import { renewedRecord } from "./journal-records.ts";
import { Links } from "./links.ts";
import { Cancel } from "./loops/cancel.ts";
import { Dispatch } from "./loops/dispatch.ts";
import { Drain } from "./loops/drain.ts";
import { OneJob } from "./loops/one-job.ts";
import { Report } from "./loops/report.ts";
import { Sweep } from "./loops/sweep.ts";
import { serveMetrics } from "./metrics-server.ts";
import { openSecrets } from "./open-secrets.ts";
import { applyPolicy, type Policy } from "./policy.ts";
import { programVersion, sidecarEntry } from "./program-files.ts";
import { adoptEarlierRuns, finishEarlierRuns, mayGoOn } from "./recover.ts";
import type { RunDeps } from "./run/deps.ts";
import { Runs } from "./run/runs.ts";
import { sealingKey } from "./sealing-key.ts";
import { SidecarProcess } from "./sidecar-process.ts";

/** Jobs are not taken before the sidecar runs, unless it takes unusually long; they wait for it then. */
const SIDECAR_WITHIN_MS = 10_000;
/** What the machine is, is told later where it takes long to find out. */
const MACHINE_WITHIN_MS = 500;
/** For containers that wait for jobs to go. */
const STOP_WITHIN_MS = 20_000;

export interface ProgramOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly makeExecutor: (runnerId: string, policy: Policy) => Executor;
  /** The newest lines of `log`. */
  readonly ownLog: LogTail;
  /** The warnings and errors among them. */
  readonly problems: LogTail;
  /** Ends the process before another line runs. */
  readonly exit: (code: number) => never;
}

export class RunnerProgram {
  private readonly config: Config;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly dataDir: DataDir;
  private readonly identity: Identity;
  private readonly greeting: GreetingOptions;
  private readonly epoch = randomBytes(16).toString("hex");
  readonly runs = new Runs();
  private readonly deps: RunDeps;
  private readonly executor: Executor;
  readonly journal: Journal;
  private readonly sidecar: SidecarProcess;
  private readonly links: Links;
  readonly dispatch: Dispatch;
  readonly cancel: Cancel;
  readonly report: Report;
  private readonly sweep: Sweep;
  readonly drain: Drain;
  private readonly intake: Intake;
  private readonly jobLogs = new JobLogs((ref) => this.journal.get(ref) !== undefined);
  private readonly spools: JobSpools;
  private readonly control: ControlServer;
  private readonly desk: Desk;
  private metrics: Server | null = null;
  private readonly departure: Departure;
  readonly calls: Calls;
  /** Null for a runner that stays. */
  private readonly oneJob: OneJob | null;

  constructor(options: ProgramOptions, policy: Policy, dataDir: DataDir, identity: Identity) {
    const { config, clock, log } = options;
    const { runnerId, name, url, ephemeral = false } = identity.registration;
    this.config = config;
    this.clock = clock;
    this.log = log;
    this.dataDir = dataDir;
    this.identity = identity;
    const sealing = sealingKey(dataDir.path);
    this.executor = options.makeExecutor(runnerId, policy);
    const capacity = ephemeral ? 1 : config.capacity;
    this.oneJob = config.once || ephemeral ? new OneJob({ taken: () => this.drain.windUp() }) : null;
    this.journal = new Journal(dataDir.path, log);
    this.sidecar = new SidecarProcess({
      entry: sidecarEntry,
      socketDir: dataDir.sockets,
      key: executionKey(dataDir.path, this.journal.entries().some(mayGoOn)),
      planeUrl: url,
      clock,
      log,
    });
    this.departure = new Departure({
      clock,
      log,
      dataDir,
      ephemeral,
      runs: this.runs,
      links: () => this.links,
      sidecar: this.sidecar,
      oneJob: this.oneJob,
      exit: options.exit,
    });
    this.intake = new Intake({
      clock,
      log,
      executor: this.executor,
      dataDir: dataDir.path,
      runs: this.runs,
      memoryMb: config.memoryMb,
      process: policy.process?.allow === true,
      changed: () => this.links.sendStatus(),
      // What could not be removed while Docker was away is still there.
      engineThere: () => void this.sweep.now(),
    });
    const { readiness, pause, memory, machine } = this.intake;
    this.spools = new JobSpools({
      folder: dataDir.spool,
      url,
      clock,
      log,
      links: () => this.links,
      jobLogs: this.jobLogs,
    });
    this.greeting = {
      identity,
      sealing,
      epoch: this.epoch,
      version: programVersion(),
      clock,
      journal: this.journal,
      runs: this.runs,
      platform: () => describePlatform(this.executor.engineVersion),
      notReady: () => readiness.reasons,
      paused: () => pause.paused,
      facts: () => machine.facts,
    };
    this.calls = new Calls({
      clock,
      send: (message) => this.links.send(message),
      protocolFor: (runId) => this.links.protocolFor(runId),
      uncache: (id, names) => this.sidecar.uncache(id, names),
    });
    this.links = new Links({
      url,
      runnerId,
      clock,
      log,
      random: Math.random,
      capacity,
      occupied: (shard) => this.runs.occupiedBy(shard),
      hello: (nonce, at) => greeting(this.greeting, nonce, at),
      hasRoom: () => !memory.short,
      status: () => ({
        notReady: readiness.reasons,
        draining: this.drain.draining || this.departure.unregistering,
        paused: pause.paused,
      }),
      machine,
      welcomed: (welcome, shard) => {
        settle(this, welcome, shard);
        if (this.takesNothing) {
          this.links.sendStatus();
        }
      },
      message: (message) => deliver(this, message),
      closed: (shard) => this.calls.cutOff(shard),
      leaseLost: (shard) => stopFenced(this.runs, shard),
      renewed: (shard, at, leaseMs) => {
        if (this.runs.size > 0) {
          this.journal.note(renewedRecord(shard, { at, leaseMs }));
        }
      },
      fatal: (error) => void this.departure.fatal(error),
    });
    this.deps = {
      clock,
      log,
      link: this.links,
      journal: this.journal,
      sidecar: this.sidecar,
      executor: this.executor,
      calls: this.calls,
      runnerName: name,
      policy: (job) => applyPolicy(policy, job),
      openSecrets: (job, sealed) => openSecrets({ key: sealing, runnerId, job, sealed }),
      egress: { also: policy.hosts === null ? null : [...policy.hosts], privateRanges: [...policy.privateRanges] },
      logSink: (ref) => this.spools.sink(ref),
      randomId: () => `s${randomBytes(8).toString("hex")}`,
    };
    this.dispatch = new Dispatch({
      deps: this.deps,
      runs: this.runs,
      capacity,
      draining: () => this.takesNothing,
      memory,
      notReady: () => readiness.problem,
      taken: () => this.oneJob?.take(),
      lost: () => this.oneJob?.lose(),
    });
    const removeSpool = (ref: AttemptRef): void => this.spools.remove(ref);
    this.cancel = new Cancel({
      runs: this.runs,
      journal: this.journal,
      log,
      removeSpool,
      lost: () => this.oneJob?.lose(),
    });
    this.report = new Report({ clock, link: this.links, journal: this.journal, removeSpool });
    this.sweep = new Sweep({
      clock,
      log,
      executor: this.executor,
      runs: this.runs,
      socketDir: dataDir.sockets,
      liveSlots: () => this.sidecar.liveSlots(),
      spoolDir: dataDir.spool,
      liveSpools: () => new Set(this.journal.entries().map(spoolName)),
    });
    this.drain = new Drain({
      clock,
      log,
      runs: this.runs,
      timeoutMs: config.drainTimeoutMs,
      // Of its one job even an attempt without a result has still to be spoken about.
      undelivered: () => (this.oneJob === null ? this.report.pending : this.journal.entries().length),
      began: () => {
        this.links.sendStatus();
        // Nothing new is taken, so nothing needs to wait for it.
        void this.executor.warm?.close();
      },
      finished: (undelivered) => void this.departure.leave(undelivered),
      abort: () => this.departure.now(exitCodes.internal),
    });
    this.desk = new Desk({
      registration: identity.registration,
      version: programVersion(),
      dataDir: dataDir.path,
      capacity,
      memoryMb: config.memoryMb,
      clock,
      executor: this.executor,
      journal: this.journal,
      runs: this.runs,
      links: this.links,
      readiness,
      drain: this.drain,
      pause,
      machine,
      ownLog: options.ownLog,
      problems: options.problems,
      jobLogs: this.jobLogs,
      unregister: () => this.departure.unregister(),
      unregistered: () => this.departure.now(exitCodes.ok),
      handOver: () => this.departure.handOver(exitCodes.ok),
    });
    this.control = new ControlServer(dataDir.path, this.desk, log);
  }

  /** No offer is accepted now, though it is connected. */
  private get takesNothing(): boolean {
    return this.drain.draining || this.intake.pause.paused || this.departure.unregistering;
  }

  async run(): Promise<number> {
    const onSignal = (signal: NodeJS.Signals): void => this.drain.onSignal(signal);
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    // A service manager that replaces the program: what runs goes on under the next process.
    const onReplace = (): void => this.departure.handOver(exitCodes.replaced);
    process.on("SIGUSR2", onReplace);
    try {
      await Promise.all([
        this.intake.readiness.open(),
        settledWithin(this.clock, this.sidecar.started(), SIDECAR_WITHIN_MS),
      ]);
      await settledWithin(this.clock, this.intake.machine.open(), MACHINE_WITHIN_MS);
      await adoptEarlierRuns(this.journal, this.runs, this.deps);
      for (const { runId } of this.journal.entries()) {
        this.links.serve(shardOf(runId));
      }
      if (this.runs.size > 0) {
        for (const [shard, { at, leaseMs }] of this.journal.lastRenewals) {
          this.links.resume(shard, at, leaseMs);
        }
      }
      // Before the first hello, so that what it reports as lost is really gone.
      this.sweep.start();
      await this.sweep.now();
      this.log.info("runner.started", {
        runnerId: this.identity.registration.runnerId,
        name: this.identity.registration.name,
        url: this.identity.registration.url,
        capacity: this.config.capacity,
        dataDir: this.dataDir.path,
        epoch: this.epoch,
      });
      finishEarlierRuns({
        journal: this.journal,
        runs: this.runs,
        link: this.links,
        log: this.log,
        logSink: (ref) => this.spools.sink(ref),
      });
      this.executor.warm?.open({
        newName: this.deps.randomId,
        folderOf: (slot) => this.sidecar.folderOf(slot),
        open: (slot) => this.sidecar.open(slot),
        close: (slot) => this.sidecar.close(slot),
      });
      this.links.start();
      await this.control.open();
      if (this.config.metrics !== null) {
        this.metrics = await serveMetrics(this.config.metrics, () => this.desk.status());
        this.log.info("metrics.served", { address: this.metrics.address() });
      }
      if (this.journal.entries().length > 0) {
        // An earlier process took the job.
        this.oneJob?.take();
      }
      return await this.departure.ended;
    } finally {
      process.off("SIGTERM", onSignal);
      process.off("SIGINT", onSignal);
      process.off("SIGUSR2", onReplace);
      await this.shutDown();
    }
  }

  private async shutDown(): Promise<void> {
    this.dispatch.stop();
    this.intake.memory.stop();
    this.intake.machine.close();
    this.report.stop();
    await this.control.close();
    this.metrics?.close();
    await this.links.stop();
    // While the sidecar can still close their sockets.
    await settledWithin(this.clock, this.executor.warm?.close() ?? Promise.resolve(), STOP_WITHIN_MS);
    const parts = await Promise.allSettled([this.sweep.stop(), this.intake.readiness.close(), this.sidecar.stop()]);
    for (const part of parts) {
      if (part.status === "rejected") {
        this.log.warn("runner.shut_down", { problem: errorText(part.reason) });
      }
    }
    this.journal.close();
  }
}
