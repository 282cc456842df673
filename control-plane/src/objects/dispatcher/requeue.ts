/** A dead letter goes back into the queue, once for each request. */
import { isTerminal } from "@cronium/protocol/run-states";
import type { DispatcherApi, Outcome, RequeuedRun } from "../../domain/dispatcher.ts";
import { requeue } from "../../domain/run-requeue.ts";
import { withRev } from "../../domain/run-machine.ts";
import { readCause, writeCause } from "./causes.ts";
import { readRun, saveStep } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";
import { watchRun } from "./watches.ts";

/**
 * A request that is repeated while the run lives changes nothing, and neither does one with an Idempotency-Key that
 * was used for it within the last day.
 */
export function requeueRun(
  shell: Shell,
  turn: Turn,
  { runId, causeKey, bodyHash }: Omit<Parameters<DispatcherApi["requeueRun"]>[0], "by">,
): Outcome<RequeuedRun> {
  const seen = causeKey === null ? null : readCause(shell, "requeue", causeKey, bodyHash, turn.now);
  if (seen !== null && !seen.ok) {
    return seen;
  }
  const run = readRun(shell, runId);
  if (run === null) {
    return { ok: false, code: "not_found", message: `There is no live run ${runId}.` };
  }
  const isLiveAgain = run.requeues > 0 && !isTerminal(run.state);
  if (seen !== null || isLiveAgain) {
    return { ok: true, value: { runId, state: run.state, requeued: false } };
  }
  // The decision is about no attempt: the last one has its end, and what it held was given back with it.
  const state = { run, attempt: null };
  const queued = requeue(run, turn.now);
  if (queued === null) {
    const how = isTerminal(run.state) ? `it has ended as ${run.state}` : `it has not ended: it is ${run.state}`;
    return { ok: false, code: "not_dead_letter", message: `The run is no dead letter; ${how}.` };
  }
  if (causeKey !== null) {
    writeCause(shell, turn, { key: causeKey, kind: "requeue", id: runId, bodyHash });
  }
  // Pages that were left open on the ended run see it come back.
  watchRun(shell, turn, runId);
  saveStep(shell, turn, state, withRev(state, { run: queued, attempt: null, reply: { kind: "none" } }));
  return { ok: true, value: { runId, state: "queued", requeued: true } };
}
