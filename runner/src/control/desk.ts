/** Answers what is asked of a running runner over its control socket. */
import { PROTOCOL_VERSION } from "@cronium/protocol";
import { type Clock, settledWithin } from "../base/clock.ts";
import type { LogTail } from "../base/log-tail.ts";
import type { Executor, FailedContainer } from "../executors/types.ts";
import type { Registration } from "../credential.ts";
import type { JobLogs } from "../job-logs.ts";
import type { Journal } from "../journal.ts";
import type { Links } from "../links.ts";
import type { Machine } from "../machine.ts";
import type { Drain } from "../loops/drain.ts";
import type { Readiness } from "../loops/readiness.ts";
import type { Pause } from "../pause.ts";
import type { Run } from "../run/run.ts";
import type { Runs } from "../run/runs.ts";
import type { InspectReport, JobStatus, KeptContainer, ParsedRequest, StatusReport } from "./messages.ts";
import { type ControlHandlers, type LogStreamOut, Refused } from "./server.ts";

const SHOWN_PROBLEMS = 10;
const LOOK_WITHIN_MS = 5_000;

export interface DeskOptions {
  readonly registration: Registration;
  readonly version: string;
  readonly dataDir: string;
  readonly capacity: number;
  readonly memoryMb: number | null;
  readonly clock: Clock;
  readonly executor: Executor;
  readonly journal: Journal;
  readonly runs: Runs;
  readonly links: Links;
  readonly readiness: Readiness;
  readonly drain: Drain;
  readonly pause: Pause;
  readonly machine: Pick<Machine, "facts" | "metrics">;
  /** The runner's own log. */
  readonly ownLog: LogTail;
  /** Warnings and errors of it. */
  readonly problems: LogTail;
  /** What the jobs that are here have printed lately, by run. */
  readonly jobLogs: JobLogs;
  /** Takes the runner out of the control plane; resolves when that is done. */
  readonly unregister: () => Promise<void>;
  /** Ends this process at once; its jobs stay. */
  readonly handOver: () => void;
  /** Ends this process after `unregister`. */
  readonly unregistered: () => void;
}

export class Desk implements ControlHandlers {
  private readonly options: DeskOptions;
  private readonly startedAt: number;

  constructor(options: DeskOptions) {
    this.options = options;
    this.startedAt = options.clock.monotonic();
  }

  async answer(request: Exclude<ParsedRequest, { type: "logs" }>): Promise<unknown> {
    const { drain, pause } = this.options;
    switch (request.type) {
      case "status":
        return this.status();
      case "inspect":
        return this.inspect(request.run);
      case "drain":
        drain.begin();
        if (request.stopJobs) {
          drain.stopJobs();
        }
        return { jobs: this.options.runs.size };
      case "pause":
      case "resume":
        pause.set(request.type === "pause");
        return { jobs: this.options.runs.size };
      case "unregister":
        if (this.options.runs.size > 0 && !request.force) {
          const text = `${this.options.runs.size} jobs are here. Drain the runner first, or give --force to lose them.`;
          throw new Refused("busy", text);
        }
        await this.options.unregister();
        return null;
      case "hand_over":
        return { pid: process.pid, jobs: this.options.runs.size };
      default:
        return request satisfies never;
    }
  }

  answered(request: ParsedRequest): void {
    if (request.type === "hand_over") {
      this.options.handOver();
    } else if (request.type === "unregister") {
      this.options.unregistered();
    }
  }

  async logs({ run, follow }: Extract<ParsedRequest, { type: "logs" }>, out: LogStreamOut): Promise<void> {
    const tail = run === undefined ? this.options.ownLog : this.options.jobLogs.get(run);
    if (tail === undefined) {
      throw new Refused("not_found", `No job of ${run} is here. What it printed is at the control plane.`);
    }
    for (const { stream, text } of tail.all()) {
      out.line(stream, text);
    }
    if (!follow) {
      return;
    }
    const cancel = tail.follow(({ stream, text }) => out.line(stream, text));
    const gone = new Promise<void>((resolve) => out.ended(resolve));
    const over = run === undefined ? gone : Promise.race([gone, this.endOf(run)]);
    await over;
    cancel();
  }

  status(): StatusReport {
    const { registration, clock, executor, journal, runs, links, readiness, drain, pause } = this.options;
    const { runnerId, name, url, ephemeral = false } = registration;
    const connected = links.open;
    return {
      state: drain.draining ? "draining" : pause.paused ? "paused" : connected ? "online" : "offline",
      runner: { id: runnerId, name, url, ephemeral },
      version: this.options.version,
      protocol: PROTOCOL_VERSION,
      pid: process.pid,
      upMs: Math.round(clock.monotonic() - this.startedAt),
      dataDir: this.options.dataDir,
      executor: executor.name,
      engine: executor.engineVersion,
      notReady: [...readiness.reasons],
      links: links.states(),
      slots: { capacity: this.options.capacity, used: runs.occupied },
      memory: { budgetMb: this.options.memoryMb, usedMb: runs.memoryMb },
      jobs: runs.all().map((run) => this.job(run)),
      machine: { facts: this.options.machine.facts, metrics: this.options.machine.metrics },
      kept: (executor.failed?.list ?? []).map(keptContainer).map(({ look: _look, ...one }) => one),
      stuck: executor.stuck ?? 0,
      undelivered: journal.entries().filter(({ result, resultAcked }) => result !== null && !resultAcked).length,
      problems: this.options.problems
        .all()
        .slice(-SHOWN_PROBLEMS)
        .map(({ stream, text }) => ({ at: text.slice(0, 24), level: stream, text: text.slice(25) })),
    };
  }

  private job(run: Run): JobStatus {
    const { definition, eventName } = run.job;
    return {
      ...run.ref,
      eventName,
      runtime: definition.runtime,
      executor: this.options.executor.name,
      phase: run.occupiesSlot ? run.phase : "ended",
      ranMs: run.startedAt === null ? null : Math.round(this.options.clock.monotonic() - run.startedAt),
      memoryMb: definition.memoryMb,
    };
  }

  /** What is known here of a run, for people who look for its container. */
  private async inspect(runId: string): Promise<InspectReport> {
    const { journal, executor, runs } = this.options;
    const entries = journal.entries().filter((entry) => entry.runId === runId);
    const kept = ((await this.failed(executor)) ?? []).filter((one) => one.runId === runId);
    if (entries.length === 0 && kept.length === 0) {
      throw new Refused("not_found", `Nothing of ${runId} is here.`);
    }
    return {
      attempts: entries.map(({ attempt, slot, started, handedOut, output, result, job, stopping }) => ({
        attempt,
        slot,
        started,
        handedOut,
        stopping,
        hasOutput: output !== null,
        result,
        definition: job === null ? null : { ...job.definition, script: undefined, env: undefined },
      })),
      running: runs
        .all()
        .filter((run) => run.ref.runId === runId)
        .map((run) => this.job(run)),
      kept: kept.map(keptContainer),
    };
  }

  /** As of now, or of the last look while the engine does not answer. */
  private async failed({ failed }: Executor): Promise<readonly FailedContainer[] | undefined> {
    const looking = failed?.look().catch(() => failed.list);
    const answered = looking !== undefined && (await settledWithin(this.options.clock, looking, LOOK_WITHIN_MS));
    return answered ? await looking : failed?.list;
  }

  private async endOf(runId: string): Promise<void> {
    const runs = this.options.runs.all().filter((run) => run.ref.runId === runId);
    await Promise.all(runs.map((run) => run.finished));
  }
}

function keptContainer({ untilMs, look, ...one }: FailedContainer): KeptContainer {
  const commands = look.map(({ what, command }) => ({ what, command: [...command] }));
  return { ...one, until: new Date(untilMs).toISOString(), look: commands };
}
