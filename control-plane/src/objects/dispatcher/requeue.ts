/** A dead letter goes back into the queue, once for each request. */
import { isTerminal } from "@cronium/protocol/run-states";
import type { DispatcherApi, Outcome, Refusal, RequeuedRun } from "../../domain/dispatcher.ts";
import type { RunRecord } from "../../domain/run.ts";
import { requeue } from "../../domain/run-requeue.ts";
import { withRev } from "../../domain/run-machine.ts";
import { readCause, writeCause } from "./causes.ts";
import { hasLetGo, isLimited } from "./handovers.ts";
import { queueingOfFlow, theLine } from "./lanes.ts";
import { readRun } from "./run-rows.ts";
import { saveStep } from "./runs.ts";
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
    return noRun(runId);
  }
  const isLiveAgain = run.requeues > 0 && !isTerminal(run.state);
  if (seen !== null || isLiveAgain) {
    return { ok: true, value: { runId, state: run.state, requeued: false } };
  }
  const put = putBack(shell, turn, runId);
  if (put.ok && causeKey !== null) {
    writeCause(shell, turn, { key: causeKey, kind: "requeue", id: runId, bodyHash });
  }
  if (put.ok) {
    // Pages that were left open on the ended run see it come back.
    watchRun(shell, turn, runId);
  }
  return put;
}

/** The dead letter itself, without a look at who asks for it. */
export function putBack(shell: Shell, turn: Turn, runId: string): Outcome<RequeuedRun> {
  const run = readRun(shell, runId);
  if (run === null) {
    return noRun(runId);
  }
  // The decision is about no attempt: the last one has its end, and what it held was given back with it.
  const state = { run, attempt: null };
  const queued = requeue(run, turn.now);
  if (queued === null) {
    const how = isTerminal(run.state) ? `it has ended as ${run.state}` : `it has not ended: it is ${run.state}`;
    return { ok: false, code: "not_dead_letter", message: `The run is no dead letter; ${how}.` };
  }
  const refusal = refuseBesideAnother(shell, turn, run);
  if (refusal !== null) {
    return refusal;
  }
  saveStep(shell, turn, state, withRev(state, { run: queued, attempt: null, reply: { kind: "none" } }));
  return { ok: true, value: { runId, state: "queued", requeued: true } };
}

/**
 * A run stays with the Dispatcher that made it. Where its event's queue is another's by now, that one counts the places
 * of the event: what started here beside it would go over a limit that it keeps.
 */
function refuseBesideAnother(shell: Shell, turn: Turn, { eventId }: RunRecord): Refusal | null {
  if (eventId === null) {
    return null;
  }
  const queueing = queueingOfFlow(shell, theLine(shell, turn.now), eventId);
  if (!isLimited(queueing) || !hasLetGo(shell, queueing.queue)) {
    return null;
  }
  const message = `The queue ${queueing.queue} has moved between shards since this run was made, and its event has limits, which are counted where the queue is now. Retry it: a new run goes there.`;
  return { ok: false, code: "shard_conflict", message };
}

function noRun(runId: string): Refusal {
  return { ok: false, code: "not_found", message: `There is no live run ${runId}.` };
}
