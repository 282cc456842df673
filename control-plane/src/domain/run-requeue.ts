/** A dead letter back into the queue: the same run, its next attempt, and budgets as if it had never failed. */
import { isDeadLetter } from "@cronium/protocol/run-states";
import type { RunRecord } from "./run.ts";
import { moveRun } from "./transition.ts";

/** Null when the run is no dead letter. Attempts go on counting; `rev` is the caller's (`withRev`). */
export function requeue(run: RunRecord, now: number): RunRecord | null {
  if (!isDeadLetter(run)) {
    return null;
  }
  return moveRun(run, "queued", {
    failReason: null,
    message: "It was a dead letter and has been requeued.",
    finishedAt: null,
    // It may go at once; how long it waits counts from here.
    notBefore: now,
    // Its event's limit for the wait was for the first start.
    expiresAt: null,
    infraFailures: 0,
    scriptFailures: 0,
    starts: 0,
    requeues: run.requeues + 1,
  });
}
