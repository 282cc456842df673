/** Cancelling, at every point of a run's life. Against a completion the first commit wins. */
import { isTerminal, type CancelReason } from "@cronium/protocol/run-states";
import type { Circumstances, RunState, Step } from "./run-step.ts";
import { moveAttempt, moveRun } from "./transition.ts";

export type CancelStep = Step & { readonly refused: boolean };

/** `state.attempt` is the newest attempt. Refused only when the run has ended otherwise already. */
export function cancel(state: RunState, at: Circumstances, reason: CancelReason = "user"): CancelStep {
  const { run, attempt } = state;
  const same = { run, attempt, reply: { kind: "none" } as const };
  if (isTerminal(run.state)) {
    return { ...same, refused: run.state !== "cancelled" };
  }
  if (run.state === "cancelling") {
    return { ...same, refused: false };
  }
  const request = { cancelRequestedAt: at.now };
  if (run.state === "queued" || run.state === "waiting") {
    const message =
      run.state === "waiting"
        ? `Cancelled while ${attempt?.runnerName ?? "its runner"} was lost; unconfirmed: the container may still run until it is back.`
        : "Cancelled before it started.";
    return {
      ...same,
      run: moveRun(run, "cancelled", {
        ...request,
        cancelReason: reason,
        offered: false,
        notBefore: 0,
        finishedAt: at.now,
        message:
          run.attempt > 0 && run.state === "queued" && !run.offered ? "Cancelled before its next attempt." : message,
      }),
      attempt:
        attempt?.state === "offered"
          ? moveAttempt(attempt, "cancelled", { finishedAt: at.now, message: "The run was cancelled." })
          : attempt,
      refused: false,
    };
  }
  const cancelling = moveRun(run, "cancelling", {
    ...request,
    ...(reason === "user" ? {} : { cancelReason: reason }),
    message: `Waiting for ${attempt?.runnerName ?? "the runner"} to stop the job.`,
  });
  if (attempt?.state === "finishing") {
    // The script has ended already: its result wins, but no retry follows.
    return {
      ...same,
      run: { ...cancelling, message: "It had ended already; its log is being stored." },
      refused: false,
    };
  }
  return { ...same, run: cancelling, cancelJob: { reason: "user" }, refused: false };
}
