/** What may be done to a run that waits and is not offered to anybody. */
import { unchanged, type RunState, type Step } from "./run-step.ts";

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
