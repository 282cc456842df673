/**
 * One attempt on this runner, from the offer to the last trace of it. The steps are in files of their own: `prepare`,
 * `start`, `supervise`, `finish`, `clean-up`; this file holds their order and what may come in from outside meanwhile.
 *
 * Example of the races: the offer arrives → `prepare` (journal, socket, container) runs while `accept` travels → the
 * grant arrives → `start`. A cancel may come before, between or after any of these. It always ends in one place: `stop`
 * notes the first reason and wakes whoever waits; each step looks at it before it goes on. `drop` is the same without a
 * result, for attempts that the control plane has given to someone else.
 *
 * A run that an earlier process of this runner started is taken up in the middle (`adopt`): its container is there, its
 * grant was given, and it goes on with `supervise`, or with `finish` where the result is known already.
 */
import { type AttemptRef, containerOf, DEFAULT_GRACE_MS, type Job, type JobResult, type Json } from "@cronium/protocol";
import { errorText, type Log } from "../base/log.ts";
import { ExecutorError, type HostMount } from "../executors/types.ts";
import { unusableImage } from "../interpreters.ts";
import { cleanUp } from "./clean-up.ts";
import type { LogSink, RunDeps } from "./deps.ts";
import { finish } from "./finish.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { start } from "./start.ts";
import { supervise } from "./supervise.ts";
import { type Ending, type StopReason, verdict } from "./verdict.ts";

const MIB = 1_048_576;

export interface Grant {
  readonly logToken: string;
  /** What the job's secrets are sealed in; they are opened where the job is bound, and kept nowhere. */
  readonly secrets: string | null;
  readonly variables: Readonly<Record<string, Json>>;
}

/** A stop that was asked for: why, and how long the script gets after SIGTERM. */
export interface Stop {
  readonly reason: StopReason;
  readonly graceMs: number;
}

/** What an earlier process left of a run. */
export interface Earlier {
  readonly sink: LogSink;
  readonly prepared: Prepared;
  readonly startedAt: number;
  readonly stop: Stop | null;
  readonly result: JobResult | null;
}

/** What the steps of one run share. */
export interface RunState {
  readonly deps: RunDeps;
  readonly job: Job;
  /** Folders that the local policy lets it have. */
  readonly mounts: readonly HostMount[];
  readonly ref: AttemptRef;
  readonly log: Log;
  readonly sink: LogSink;
  /** Settles with the first reason to stop; pending for ever when there is none. */
  readonly stopped: Promise<Stop>;
  stop: Stop | null;
  /** How it ended is decided; a stop that comes now is too late. */
  over: boolean;
  /** Its container and socket are gone. */
  removed: boolean;
  /** By the monotonic clock; null before the process runs. */
  startedAt: number | null;
  /** Null until it came, and for a run that an earlier process started. */
  grant: Grant | null;
}

export class Run {
  readonly job: Job;
  readonly ref: AttemptRef;
  /** Resolves once `accept` may be sent; rejects when the journal could not take the job. */
  readonly accepted: Promise<void>;
  /** Resolves when nothing of it is left but what the journal repeats. Never rejects. */
  readonly finished: Promise<void>;
  private readonly state: RunState;
  private readonly stopSignal = Promise.withResolvers<Stop>();
  private readonly grant = Promise.withResolvers<Grant | null>();
  private readonly prepared: Prepared;
  private readonly earlier: Earlier | null;
  private granted: boolean;
  private dropped = false;
  private ended = false;

  constructor(deps: RunDeps, job: Job, mounts: readonly HostMount[], earlier: Earlier | null = null) {
    this.earlier = earlier;
    this.granted = earlier !== null;
    this.job = job;
    this.ref = { runId: job.runId, attempt: job.attempt };
    this.state = {
      deps,
      job,
      mounts,
      ref: this.ref,
      log: deps.log.child(this.ref),
      sink: earlier?.sink ?? deps.logSink(this.ref),
      stopped: this.stopSignal.promise,
      stop: earlier?.stop ?? null,
      over: earlier !== null && earlier.result !== null,
      removed: false,
      startedAt: earlier?.startedAt ?? null,
      grant: null,
    };
    if (this.state.stop !== null) {
      this.stopSignal.resolve(this.state.stop);
    }
    this.prepared = earlier?.prepared ?? prepare(this.state);
    const { logCapMb, logOverflow } = containerOf(job.definition);
    this.state.sink.limit(
      logCapMb * MIB,
      logOverflow === "kill" ? () => this.stop("log_quota", DEFAULT_GRACE_MS) : undefined,
    );
    this.accepted = this.prepared.journalled;
    this.accepted.catch(() => {});
    this.finished = this.live().catch((error: unknown) => {
      this.state.log.error("run.broken", { problem: errorText(error) });
    });
  }

  get slotId(): string {
    return this.prepared.slotId;
  }

  /** How far it is, for the control plane after a reconnect. Once it has a result, the journal reports that instead. */
  get phase(): "accepted" | "running" {
    return this.state.startedAt === null ? "accepted" : "running";
  }

  /** When its process started, by the monotonic clock; null before. */
  get startedAt(): number | null {
    return this.state.startedAt;
  }

  /** It takes one of the runner's slots. */
  get occupiesSlot(): boolean {
    return !this.state.over && !this.dropped && !this.ended;
  }

  /** Nothing of it runs on this machine any more; at most its log and result are still on their way. */
  get processGone(): boolean {
    return this.state.removed || this.ended;
  }

  get waitsForGrant(): boolean {
    return !this.granted && !this.dropped && !this.ended;
  }

  onGranted(grant: Grant): void {
    if (this.granted || this.dropped) {
      return;
    }
    this.granted = true;
    const { logToken, secrets, variables } = grant;
    this.state.grant = grant;
    this.state.deps.journal.note({
      type: "granted",
      ...this.ref,
      logToken,
      ...(secrets === null ? {} : { secrets }),
      ...(Object.keys(variables).length === 0 ? {} : { variables }),
    });
    this.state.sink.connect(grant.logToken);
    this.grant.resolve(grant);
  }

  /** Ends the job and reports why; the first reason counts, later calls change nothing. */
  stop(reason: StopReason, graceMs: number): void {
    if (this.state.stop === null && !this.state.over && !this.dropped) {
      this.state.stop = { reason, graceMs };
      this.state.log.info("run.stopping", { reason, graceMs });
      this.state.deps.journal.note({ type: "stopping", ...this.ref, reason, graceMs });
      this.stopSignal.resolve(this.state.stop);
    }
  }

  /** Ends the job at once and reports nothing: this attempt is no longer ours. */
  drop(why: string): void {
    if (!this.dropped && !this.ended) {
      this.dropped = true;
      this.state.log.warn("run.dropped", { why });
      this.state.stop ??= { reason: "lease_lost", graceMs: 0 };
      this.stopSignal.resolve(this.state.stop);
      this.grant.resolve(null);
    }
  }

  private async live(): Promise<void> {
    try {
      await this.accepted;
      const result = this.earlier?.result ?? this.judge(await this.execute());
      if (!this.dropped) {
        this.state.over = true;
        await finish(this.state, this.prepared, result, this.granted);
      }
    } finally {
      this.ended = true;
      await cleanUp(this.state, this.prepared, this.dropped);
    }
  }

  private async execute(): Promise<Ending> {
    const timeOut = (graceMs: number): void => this.stop("timed_out", graceMs);
    if (this.earlier !== null) {
      return supervise(this.state, this.prepared.slot, timeOut);
    }
    await Promise.race([this.grant.promise, this.state.stopped]);
    if (this.state.stop !== null) {
      return { kind: "never_started" };
    }
    const slot = await start(this.state, this.prepared);
    return "failed" in slot ? { kind: "failed", error: slot.failed } : supervise(this.state, slot.started, timeOut);
  }

  /** False where its bootstrap has not fetched the job; executors without a runtime API need none. */
  private get gotItsJob(): boolean {
    const { deps } = this.state;
    return !deps.executor.hasRuntimeApi || deps.journal.get(this.ref)?.handedOut === true;
  }

  private judge(ending: Ending): JobResult {
    const { deps, job, startedAt, stop } = this.state;
    const { definition } = job;
    const watchedMs = startedAt === null ? null : Math.max(0, Math.round(deps.clock.monotonic() - startedAt));
    return verdict({
      ending: this.gotItsJob ? ending : withoutJob(ending, definition),
      stoppedFor: stop?.reason ?? null,
      output: deps.journal.get(this.ref)?.output ?? null,
      durationMs: ending.kind === "exited" ? (ending.exit.ranMs ?? watchedMs) : watchedMs,
      timeoutMs: definition.timeoutMs,
      memoryMb: definition.memoryMb,
      logCapMb: containerOf(definition).logCapMb,
    });
  }
}

/** With this code a bootstrap ends that waited for its job in vain, and with these one that could not be started. */
const NO_JOB_CODE = 125;
const NOT_FOUND_CODES = [126, 127];

/** The script never ran, so its container's exit is not the script's. */
function withoutJob(ending: Ending, definition: Job["definition"]): Ending {
  const { image } = containerOf(definition);
  const code = ending.kind === "exited" ? ending.exit.code : 0;
  if (image !== null && [NO_JOB_CODE, ...NOT_FOUND_CODES].includes(code)) {
    return { kind: "failed", error: new ExecutorError("image_missing", unusableImage(image, definition.runtime)) };
  }
  if (code !== NO_JOB_CODE) {
    return ending;
  }
  const message = "The container waited in vain for its job, because the runner was away.";
  return { kind: "failed", error: new ExecutorError("start_failed", message) };
}
