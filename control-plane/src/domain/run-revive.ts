/** The only way out of `lost`: the runner is back before a next attempt was made. */
import type { AttemptRecord, RunRecord } from "./run.ts";
import type { Circumstances, RunState } from "./run-step.ts";
import { moveAttempt, moveRun } from "./transition.ts";

interface Held {
  readonly run: RunRecord;
  readonly attempt: AttemptRecord;
}

export function isRevivable(state: RunState): state is Held {
  const { run, attempt } = state;
  return (
    attempt?.state === "lost" &&
    attempt.attempt === run.attempt &&
    // Its place was given away, as by a requeue: taking it back could exceed a concurrency limit.
    run.holds &&
    (run.state === "queued" || run.state === "waiting")
  );
}

/** Gives the lease back, and the retry that the loss had cost. */
export function revive(state: Held, at: Circumstances): Held {
  const wasStarted = state.attempt.startedAt !== null;
  const attempt = moveAttempt(state.attempt, wasStarted ? "running" : "accepted", {
    deadlineAt: at.now + at.leaseMs,
    failReason: null,
    message: null,
    finishedAt: null,
  });
  if (state.run.state === "waiting") {
    return { run: moveRun(state.run, "running", {}), attempt };
  }
  const infraFailures = Math.max(0, state.run.infraFailures - 1);
  const starting = moveRun(state.run, "starting", { infraFailures, notBefore: 0 });
  return { run: wasStarted ? moveRun(starting, "running", {}) : starting, attempt };
}
