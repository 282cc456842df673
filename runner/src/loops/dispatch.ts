/**
 * Offers in, accepts and declines out, grants to their runs.
 *
 * Example: an offer arrives twice, because the control plane did not see the first `accept`. The second one finds the
 * run that the first one made, and is accepted again; nothing starts twice. A grant for an attempt that was dropped
 * meanwhile finds nothing. An accept that was not answered is repeated after a reconnect, and every 10 s.
 */
import {
  type AttemptRef,
  containerOf,
  echo,
  isId,
  type Job,
  OFFER_TIMEOUT_MS,
  type RunnerMessage,
  type ServerMessage,
} from "@cronium/protocol";
import { errorText } from "../base/log.ts";
import type { HostMount } from "../executors/types.ts";
import type { RunDeps } from "../run/deps.ts";
import { Run } from "../run/run.ts";
import type { Runs } from "../run/runs.ts";

type Decline = Extract<RunnerMessage, { type: "decline" }>;
type Answer =
  | { readonly take: true; readonly mounts: readonly HostMount[] }
  | { readonly take: false; readonly reason: Decline["reason"]; readonly message: string | null };

export interface DispatchOptions {
  readonly deps: RunDeps;
  readonly runs: Runs;
  readonly capacity: number;
  /** It is leaving, or a person has paused it. */
  readonly draining: () => boolean;
  /** Absent: jobs may have as much memory as they like. */
  readonly memory?: {
    fits(memoryMb: number): boolean;
    declined(memoryMb: number): void;
  };
  /** What keeps this machine from taking any job; null when nothing does. */
  readonly notReady: () => string | null;
  /** A job is being accepted. */
  readonly taken?: () => void;
  /** A job that was taken did not become this runner's after all. */
  readonly lost?: () => void;
}

export class Dispatch {
  private readonly options: DispatchOptions;
  private readonly cancelRepeat: () => void;

  constructor(options: DispatchOptions) {
    this.options = options;
    this.cancelRepeat = options.deps.clock.every(OFFER_TIMEOUT_MS, () => this.repeatAccepts());
  }

  onJobs(message: Extract<ServerMessage, { type: "jobs" }>): void {
    const accepted: Run[] = [];
    for (const job of message.jobs) {
      if (this.options.runs.isOver(job)) {
        continue;
      }
      const run = this.options.runs.get(job) ?? this.take(job);
      if (run !== null) {
        accepted.push(run);
      }
    }
    if (accepted.length > 0) {
      void this.accept(accepted);
    }
  }

  onGranted(message: Extract<ServerMessage, { type: "granted" }>): void {
    for (const grant of message.grants) {
      const { logToken, secrets = null, variables = {} } = grant;
      this.options.runs.get(grant)?.onGranted({ logToken, secrets, variables });
    }
  }

  onRefused(message: Extract<ServerMessage, { type: "refused" }>): void {
    const run = this.options.runs.get(message);
    if (run !== undefined) {
      this.options.lost?.();
      run.drop(message.code);
    }
  }

  /** For runs whose accept may have been lost. */
  repeatAccepts(): void {
    const waiting = this.options.runs.all().filter((run) => run.waitsForGrant);
    if (waiting.length > 0) {
      void this.accept(waiting);
    }
  }

  stop(): void {
    this.cancelRepeat();
  }

  private take(job: Job): Run | null {
    const { deps, runs } = this.options;
    if (!isId("run", job.runId)) {
      // It names folders and a container here; the control plane is not trusted with paths.
      deps.log.error("run.bad_id", { runId: echo(job.runId) });
      return null;
    }
    const answer = this.consider(job);
    if (!answer.take) {
      this.decline(job, answer.reason, answer.message);
      return null;
    }
    const run = new Run(deps, job, answer.mounts);
    runs.add(run);
    this.options.taken?.();
    return run;
  }

  private consider(job: Job): Answer {
    const { deps, runs, capacity } = this.options;
    if (this.options.draining()) {
      return { take: false, reason: "draining", message: null };
    }
    const policy = deps.policy(job);
    if (!policy.ok) {
      return { take: false, reason: "policy_denied", message: policy.message };
    }
    const notReady =
      this.options.notReady() ?? deps.executor.check(job.definition.runtime, containerOf(job.definition).executor);
    if (notReady !== null) {
      return { take: false, reason: "not_ready", message: notReady };
    }
    if (runs.occupied >= capacity) {
      return { take: false, reason: "full", message: null };
    }
    const { memory } = this.options;
    const { memoryMb } = job.definition;
    if (memory?.fits(memoryMb) === false) {
      memory.declined(memoryMb);
      const message = `Its ${memoryMb} MB are not free on this machine now.`;
      return { take: false, reason: "full", message };
    }
    return { take: true, mounts: policy.mounts };
  }

  private decline(ref: AttemptRef, reason: Decline["reason"], message: string | null): void {
    const { runId, attempt } = ref;
    this.options.deps.log.info("run.declined", { runId, attempt, reason, message });
    this.options.deps.link.send({ type: "decline", runId, attempt, reason, message });
  }

  /** One frame for all whose journal entry is durable; entries that are written together share one sync. */
  private async accept(runs: readonly Run[]): Promise<void> {
    const settled = await Promise.allSettled(runs.map((run) => run.accepted));
    const accepted: AttemptRef[] = [];
    for (const [index, run] of runs.entries()) {
      const outcome = settled[index];
      if (outcome?.status === "fulfilled") {
        accepted.push(run.ref);
      } else if (outcome?.status === "rejected") {
        this.options.lost?.();
        run.drop("journal");
        this.decline(run.ref, "not_ready", `The journal cannot be written: ${errorText(outcome.reason)}`);
      }
    }
    if (accepted.length > 0) {
      this.options.deps.link.send({ type: "accept", jobs: accepted });
    }
  }
}
