/** Dead letters: back into the queue as the same run. */
import type { RequeueAccepted } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { isDeadLetter } from "@cronium/protocol/run-states";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import { dispatcherOfRun } from "./dispatchers.ts";
import type { Cause } from "./idempotency.ts";
import { unwrap } from "./outcome.ts";
import { getRun } from "./runs.ts";

/** Throws `not_found`, and `not_dead_letter` for a run that ended otherwise or lives. */
export async function requeueRun(deps: Deps, act: Act, runId: string, cause: Cause): Promise<RequeueAccepted> {
  const { key: causeKey, bodyHash } = cause;
  const { actor } = act;
  const by = stampOf(act);
  const dispatcher = await dispatcherOfRun(deps, actor.workspaceId, runId);
  const outcome = await dispatcher.requeueRun({ runId, causeKey, bodyHash, by });
  if (outcome.ok || outcome.code !== "not_found") {
    return unwrap(outcome);
  }
  // Every dead letter is in the Dispatcher, so this one has ended otherwise, or is being deleted for its age.
  const run = await getRun(deps, actor, runId);
  const how = isDeadLetter(run)
    ? "it is being deleted, as old as its workspace keeps runs"
    : `it has ended as ${run.state}`;
  throw new AppError("not_dead_letter", `The run is no dead letter; ${how}.`);
}
