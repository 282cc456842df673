/** From waiting to a runner that has accepted: offer, accept, decline, and the offer nobody answered. */
import { isTerminal } from "@cronium/protocol/run-states";
import type { AttemptRecord } from "./run.ts";
import { whyNotHolder, unchanged, type Circumstances, type Holder, type RunState, type Step } from "./run-step.ts";
import { moveAttempt, moveRun } from "./transition.ts";

/** Makes attempt n+1. Only called by the pump, for a queued run without an open offer. */
export function offer(
  state: RunState,
  to: Holder & { readonly runnerName: string },
  at: { readonly now: number; readonly offerTimeoutMs: number },
): Step & { readonly attempt: AttemptRecord } {
  const { run } = state;
  if (run.state !== "queued" || run.offered) {
    throw new Error(`run ${run.id} cannot be offered: it is ${run.state}`);
  }
  const attempt: AttemptRecord = {
    runId: run.id,
    attempt: run.attempt + 1,
    state: "offered",
    failReason: null,
    message: null,
    runnerId: to.runnerId,
    runnerName: to.runnerName,
    epoch: to.epoch,
    deadlineAt: at.now + at.offerTimeoutMs,
    exitCode: null,
    signal: null,
    late: false,
    outcome: null,
    resultDigest: null,
    offeredAt: at.now,
    acceptedAt: null,
    startedAt: null,
    exitedAt: null,
    finishedAt: null,
  };
  return {
    run: {
      ...run,
      attempt: attempt.attempt,
      offered: true,
      queueReason: null,
      notBefore: 0,
      message: `Offered to ${to.runnerName}; waiting for its answer.`,
    },
    attempt,
    reply: { kind: "none" },
  };
}

/** A repeated accept gets the same answer, because the first answer may have been lost. */
export function accept(state: RunState, by: Holder, at: Circumstances): Step {
  const { run, attempt } = state;
  const why = whyNotHolder(state, by);
  if (attempt === null || why !== null) {
    return unchanged(state, { kind: "refused", code: why ?? "stale_attempt" });
  }
  if (attempt.state === "accepted" || attempt.state === "running") {
    return unchanged(state, { kind: "granted" });
  }
  if (attempt.state !== "offered" || run.state !== "queued") {
    const code = isTerminal(run.state) || attempt.outcome !== null ? "already_final" : "stale_attempt";
    return unchanged(state, { kind: "refused", code });
  }
  return {
    run: moveRun(run, "starting", {
      offered: false,
      runnerId: attempt.runnerId,
      runnerName: attempt.runnerName,
      starts: run.starts + 1,
      exitCode: null,
      signal: null,
      startedAt: null,
    }),
    attempt: moveAttempt(attempt, "accepted", {
      acceptedAt: at.now,
      deadlineAt: at.now + at.leaseMs,
    }),
    reply: { kind: "granted" },
  };
}

/** `secret_not_found` is the control plane's own word: what the runner has accepted cannot be granted. */
export type DeclineReason = "draining" | "full" | "not_ready" | "policy_denied" | "secret_not_found";

/** Burns the number; a refusal by the runner's local policy ends the run, and so does a secret that is not there. */
export function decline(
  state: RunState,
  by: Holder,
  said: { readonly reason: DeclineReason; readonly message: string | null },
  at: Circumstances,
): Step {
  const { run, attempt } = state;
  const why = whyNotHolder(state, by);
  if (attempt === null || why !== null || attempt.state !== "offered" || run.state !== "queued") {
    return unchanged(state, { kind: "stale", code: why ?? "stale_attempt" });
  }
  if (said.reason === "policy_denied" || said.reason === "secret_not_found") {
    const failReason = said.reason;
    const message = said.message ?? `The local policy of ${attempt.runnerName} does not allow this job.`;
    return {
      run: moveRun(run, "failed", {
        offered: false,
        failReason,
        message,
        runnerId: attempt.runnerId,
        runnerName: attempt.runnerName,
        finishedAt: at.now,
      }),
      attempt: burn(attempt, message, at.now, failReason),
      reply: failReason === "policy_denied" ? { kind: "none" } : { kind: "refused", code: "already_final" },
    };
  }
  const message = said.message ?? `${attempt.runnerName} declined: ${said.reason}.`;
  return backInQueue(state, attempt, message, at.now);
}

/** Nobody answered in time, or the runner process it was offered to is gone: no side effect, so no budget is spent. */
export function burnOffer(state: RunState, message: string, at: Circumstances): Step {
  const { attempt } = state;
  if (attempt?.state !== "offered") {
    return unchanged(state, { kind: "none" });
  }
  return backInQueue(state, attempt, message, at.now);
}

function backInQueue(state: RunState, attempt: AttemptRecord, message: string, now: number): Step {
  return {
    run: { ...state.run, offered: false, message },
    attempt: burn(attempt, message, now, null),
    reply: { kind: "none" },
  };
}

function burn(attempt: AttemptRecord, message: string, now: number, failReason: string | null): AttemptRecord {
  return moveAttempt(attempt, "declined", { message, failReason, finishedAt: now });
}
