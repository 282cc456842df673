/** From the start of the script to an accepted result, and what becomes of the run after it. */
import { LOG_DRAIN_MS } from "@cronium/protocol/limits";
import type { JobResult } from "@cronium/protocol";
import type { LogState } from "@cronium/protocol/run-states";
import { fail, reasonOf, sentenceFor } from "./run-failure.ts";
import { isRevivable, revive } from "./run-revive.ts";
import type { AttemptRecord, RunRecord } from "./run.ts";
import { unchanged, whyNotHolder, type Circumstances, type Holder, type RunState, type Step } from "./run-step.ts";
import { moveAttempt, moveRun } from "./transition.ts";

/** The runner drains for LOG_DRAIN_MS itself; the server waits a little longer before it ends the run without it. */
const DRAIN_BACKSTOP_MS = LOG_DRAIN_MS + 15_000;

export function started(state: RunState, by: Holder, at: Circumstances): Step {
  const why = whyNotHolder(state, by);
  if (state.attempt === null || why !== null) {
    return unchanged(state, { kind: "stale", code: why ?? "stale_attempt" });
  }
  const { run, attempt } = isRevivable(state) ? revive(state, at) : { ...state, attempt: state.attempt };
  if (attempt.state === "running" || attempt.outcome !== null) {
    return { run, attempt, reply: { kind: "none" } };
  }
  if (attempt.state !== "accepted") {
    return unchanged(state, { kind: "stale", code: "stale_attempt" });
  }
  const change = { startedAt: at.now, logState: "live" } as const;
  return {
    run: run.state === "starting" ? moveRun(run, "running", change) : { ...run, ...change },
    attempt: moveAttempt(attempt, "running", { startedAt: at.now }),
    reply: { kind: "none" },
  };
}

/**
 * Takes the result, once. It is durable when it is acknowledged; the run ends when the log has drained too. The same
 * result again is acknowledged again, for ever; a different one is refused.
 */
export function exited(state: RunState, by: Holder, result: JobResult, at: Circumstances): Step {
  const { attempt } = state;
  const digest = digestOf(result);
  if (attempt !== null && attempt.runnerId === by.runnerId && attempt.outcome !== null) {
    return attempt.resultDigest === digest
      ? unchanged(state, { kind: "ack", of: "exited" })
      : unchanged(state, { kind: "stale", code: "already_final" });
  }
  const why = whyNotHolder(state, by);
  if (attempt === null || why !== null) {
    return unchanged(state, { kind: "stale", code: why ?? "stale_attempt" });
  }
  const late = isRevivable(state);
  const current = late ? revive(state, at) : { run: state.run, attempt };
  if (current.attempt.state !== "accepted" && current.attempt.state !== "running") {
    return unchanged(state, { kind: "stale", code: "stale_attempt" });
  }
  const { exitCode, signal } = result;
  const failReason = reasonOf(result);
  // `started` may be lost on its way; a result that took time says that the container ran all the same.
  const startedAt = current.attempt.startedAt ?? (result.durationMs === null ? null : at.now - result.durationMs);
  return {
    run: { ...current.run, exitCode, signal, startedAt },
    attempt: moveAttempt(current.attempt, "finishing", {
      outcome: result.outcome,
      resultDigest: digest,
      failReason,
      message: sentenceFor(result, failReason),
      exitCode,
      signal,
      startedAt,
      late: late || attempt.late,
      exitedAt: at.now,
      deadlineAt: at.now + DRAIN_BACKSTOP_MS,
    }),
    reply: { kind: "ack", of: "exited" },
    keepOutput: true,
  };
}

export interface LogEnd {
  readonly logBytes: number;
  readonly logState: LogState;
}

/** The log has drained: the run ends, or waits for its next attempt. */
export function done(state: RunState, by: Holder, log: LogEnd, at: Circumstances): Step {
  const { attempt } = state;
  if (attempt === null || attempt.runnerId !== by.runnerId) {
    const code = attempt === null ? "stale_attempt" : "not_lease_holder";
    return unchanged(state, { kind: "stale", code });
  }
  if (attempt.outcome === null) {
    const why = whyNotHolder(state, by);
    if (why === null && (attempt.state === "accepted" || attempt.state === "running")) {
      const message = `done for attempt ${attempt.attempt} of ${attempt.runId} came before its exited; send exited first`;
      return unchanged(state, { kind: "invalid", message });
    }
    return unchanged(state, { kind: "stale", code: why ?? "stale_attempt" });
  }
  const reply = { kind: "ack", of: "done" } as const;
  return attempt.state === "finishing" ? { ...conclude(state.run, attempt, log, at), reply } : unchanged(state, reply);
}

/** The rest of the log did not come in time: the accepted result stands all the same. */
export function drainExpired(state: RunState, at: Circumstances): Step {
  const { run, attempt } = state;
  if (attempt?.state !== "finishing") {
    return unchanged(state, { kind: "none" });
  }
  return conclude(run, attempt, { logBytes: 0, logState: "incomplete" }, at);
}

function conclude(run: RunRecord, attempt: AttemptRecord, log: LogEnd, at: Circumstances): Step {
  const outcome = attempt.outcome ?? "failed";
  const withLog: RunRecord = {
    ...run,
    logState: log.logState,
    logBytes: run.logBytes + log.logBytes,
    // A failure before the container started is no start: maxAttempts caps starts.
    starts: attempt.startedAt === null && outcome === "failed" ? run.starts - 1 : run.starts,
  };
  const finishedAt = at.now;
  const reply = { kind: "none" } as const;
  if (outcome === "succeeded") {
    return {
      run: moveRun(withLog, "succeeded", { finishedAt, message: attempt.message }),
      attempt: moveAttempt(attempt, "succeeded", { finishedAt }),
      reply,
    };
  }
  if (outcome === "cancelled" && run.cancelRequestedAt !== null) {
    return {
      run: moveRun(withLog, "cancelled", {
        finishedAt,
        cancelReason: run.cancelReason ?? "user",
        message: attempt.message ?? `Stopped on ${attempt.runnerName}.`,
      }),
      attempt: moveAttempt(attempt, "cancelled", { finishedAt }),
      reply,
    };
  }
  if (outcome === "cancelled") {
    // Nobody asked for it here, so the runner stopped the job for reasons of its own.
    const message = attempt.message ?? `${attempt.runnerName} stopped the job without being asked to.`;
    const stopped = moveAttempt(attempt, "cancelled", {
      finishedAt,
      failReason: "runner_shutdown",
      message,
    });
    return fail(withLog, stopped, "failed", at);
  }
  return fail(withLog, moveAttempt(attempt, outcome, { finishedAt }), outcome, at);
}

/** FNV-1a over the result: tells a repetition from a second, different result. Not a safeguard against forgery. */
function digestOf(result: JobResult): string {
  const text = JSON.stringify(result);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return `${text.length}:${(hash >>> 0).toString(16)}`;
}
