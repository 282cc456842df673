/** What may be done to a run that waits and is not offered to anybody. */
import { duration } from "./token-bucket.ts";
import { unchanged, type RunState, type Step } from "./run-step.ts";
import { moveRun } from "./transition.ts";

function waits({ run }: RunState): boolean {
  return run.state === "queued" && !run.offered;
}

/** Null when the run does not wait any more. */
export function reprioritise(state: RunState, priority: number): Step | null {
  if (!waits(state)) {
    return null;
  }
  const { run } = state;
  return run.priority === priority
    ? unchanged(state, { kind: "none" })
    : { ...unchanged(state, { kind: "none" }), run: { ...run, priority } };
}

/** Null when the run does not wait, or has been started before: then it is the event's timeout and retries that end it. */
export function expire(state: RunState, now: number): Step | null {
  const { run } = state;
  if (!waits(state) || run.starts > 0 || run.expiresAt === null) {
    return null;
  }
  const waited = duration(run.expiresAt - run.queuedAt);
  const last = run.message === null ? "" : ` Last: ${run.message}`;
  return {
    ...unchanged(state, { kind: "none" }),
    run: moveRun(run, "expired", {
      expireReason: "queue_ttl",
      message: `It waited in the queue for more than ${waited}, as long as its event allows.${last}`,
      notBefore: 0,
      finishedAt: now,
    }),
  };
}
