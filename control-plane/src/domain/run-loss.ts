/** What happens when a runner is gone, or comes back and says what it still holds. */
import type { HeldAttempt } from "@cronium/protocol";
import { isTerminal } from "@cronium/protocol/run-states";
import { fail } from "./run-failure.ts";
import { burnOffer } from "./run-offer.ts";
import { drainExpired, started } from "./run-result.ts";
import { isRevivable, revive } from "./run-revive.ts";
import type { AttemptRecord, RunRecord } from "./run.ts";
import { unchanged, type Circumstances, type Holder, type RunState, type Step } from "./run-step.ts";
import { moveAttempt, moveRun } from "./transition.ts";

/** The deadline of the attempt has passed: offer, lease or drain, whichever its state says. */
export function deadlinePassed(state: RunState, at: Circumstances): Step {
  const { run, attempt } = state;
  switch (attempt?.state) {
    case "offered":
      return burnOffer(state, `${attempt.runnerName} did not answer the offer in time.`, at);
    case "accepted":
    case "running":
      return lose(
        run,
        attempt,
        `${attempt.runnerName} has not been heard of for ${seconds(at.leaseMs)}.`,
        "expired",
        at,
      );
    case "finishing":
      return drainExpired(state, at);
    default:
      return unchanged(state, { kind: "none" });
  }
}

/** The runner itself is here and does not have the job: no need to wait for the lease. */
export function notHeld(state: RunState, at: Circumstances): Step {
  const name = state.attempt?.runnerName ?? "";
  const offer = `${name} reconnected without the offer.`;
  return goneForGood(state, { offer, job: `${name} is back and no longer has the job.`, how: "reported" }, at);
}

/** Its runner was revoked, or left, and may not say another word about the job: nothing is left to wait for. */
export function revoked(state: RunState, what: "was revoked" | "left for good", at: Circumstances): Step {
  const name = state.attempt?.runnerName ?? "";
  const offer = `${name} ${what} before it answered the offer.`;
  return goneForGood(state, { offer, job: `${name} ${what} while it had the job.`, how: "revoked" }, at);
}

function goneForGood(
  state: RunState,
  why: { readonly offer: string; readonly job: string; readonly how: "reported" | "revoked" },
  at: Circumstances,
): Step {
  const { run, attempt } = state;
  const message = why.job;
  switch (attempt?.state) {
    case "offered":
      return burnOffer(state, why.offer, at);
    case "accepted":
    case "running":
      return lose(run, attempt, message, why.how, at);
    case "finishing":
      return drainExpired(state, at);
    case "lost":
      if (run.state === "waiting" && attempt.attempt === run.attempt) {
        return {
          run: moveRun(run, "failed", { failReason: "runner_lost", message, finishedAt: at.now }),
          attempt,
          reply: { kind: "none" },
        };
      }
      return unchanged(state, { kind: "none" });
    default:
      return unchanged(state, { kind: "none" });
  }
}

/**
 * Verdict for one attempt that a connecting runner says it holds: `adopt` (goes on under the new lease; a finished one
 * repeats its result until that is acknowledged) or `kill`.
 */
export function hold(state: RunState, by: Holder, held: HeldAttempt["state"], at: Circumstances): Step {
  const { run, attempt } = state;
  const kill = { kind: "kill" } as const;
  if (attempt === null || attempt.runnerId !== by.runnerId) {
    return unchanged(state, kill);
  }
  if (attempt.outcome !== null && held === "exited") {
    return unchanged(state, { kind: "adopt" });
  }
  if (held === "lost") {
    return { ...notHeld(state, at), reply: kill };
  }
  if (attempt.attempt !== run.attempt || isTerminal(run.state) || attempt.outcome !== null) {
    return unchanged(state, kill);
  }
  if (attempt.state === "offered") {
    // Its accept was lost on the way; the same process says it again. A new process cannot have been granted anything.
    return attempt.epoch === by.epoch ? unchanged(state, { kind: "adopt" }) : { ...notHeld(state, at), reply: kill };
  }
  const current = isRevivable(state) ? revive(state, at) : { run, attempt };
  if (current.attempt.state !== "accepted" && current.attempt.state !== "running") {
    return unchanged(state, kill);
  }
  const adopted = { ...current.attempt, epoch: by.epoch, deadlineAt: at.now + at.leaseMs };
  // `started` is not repeated by the runner, so what it holds as running counts as started.
  const next: Step =
    held === "running"
      ? started({ run: current.run, attempt: adopted }, by, at)
      : { run: current.run, attempt: adopted, reply: { kind: "none" } };
  const step = { ...next, reply: { kind: "adopt" } as const };
  return next.run.state === "cancelling" && held !== "exited" ? { ...step, cancelJob: { reason: "user" } } : step;
}

/** `expired`: it may still come back. `reported`: the runner says itself that the job is gone. `revoked`: neither. */
function lose(
  run: RunRecord,
  attempt: AttemptRecord,
  message: string,
  how: "expired" | "reported" | "revoked",
  at: Circumstances,
): Step {
  const lost = moveAttempt(attempt, "lost", {
    failReason: "runner_lost",
    message,
    finishedAt: at.now,
  });
  if (run.state === "cancelling") {
    const confirmed = how === "reported";
    return {
      run: moveRun(run, "cancelled", {
        finishedAt: at.now,
        cancelReason: run.cancelReason ?? "user",
        message: confirmed
          ? message
          : `Unconfirmed: ${message} Its container may still run until the runner ${how === "revoked" ? "hears of it" : "is back"}.`,
      }),
      attempt: lost,
      reply: { kind: "none" },
    };
  }
  if (run.onLost === "wait" && how === "expired") {
    return {
      run: moveRun(run, "waiting", {
        message: `${message} The run waits for it; cancel it if it will not return.`,
      }),
      attempt: lost,
      reply: { kind: "none" },
    };
  }
  if (run.onLost !== "retry") {
    return {
      run: moveRun(run, "failed", { failReason: "runner_lost", message, finishedAt: at.now }),
      attempt: lost,
      reply: { kind: "none" },
    };
  }
  return fail(run, lost, "failed", at);
}

function seconds(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${Math.round(ms / 100) / 10} s`;
}
