/** The only way a run or an attempt changes its state: along the tables of the protocol. */
import {
  attemptTransitions,
  isTerminal,
  runTransitions,
  type AttemptState,
  type RunState,
} from "@cronium/protocol/run-states";
import type { AttemptRecord, RunRecord } from "./run.ts";

/** Throws when the table does not allow the step: that is a fault in the rules, and nothing must be written. */
export function moveRun(run: RunRecord, state: RunState, change: Partial<RunRecord>): RunRecord {
  const allowed: readonly RunState[] = runTransitions[run.state];
  if (!allowed.includes(state)) {
    throw new Error(`run ${run.id} cannot go from ${run.state} to ${state}`);
  }
  // Why it waited, and the message about it, end with the waiting.
  return { ...run, queueReason: null, message: null, ...change, state };
}

export function moveAttempt(
  attempt: AttemptRecord,
  state: AttemptState,
  change: Partial<AttemptRecord>,
): AttemptRecord {
  const allowed: readonly AttemptState[] = attemptTransitions[attempt.state];
  if (!allowed.includes(state)) {
    throw new Error(`attempt ${attempt.attempt} of run ${attempt.runId} cannot go from ${attempt.state} to ${state}`);
  }
  return { ...attempt, ...change, state };
}

/** Whether this change is the one that ends the run. */
export function justEnded(before: RunRecord, after: RunRecord): boolean {
  return !isTerminal(before.state) && isTerminal(after.state);
}
