/** Bulk work over runs: counted, started and watched here, done by the Dispatcher. */
import type { Bulk, BulkPreview, StartBulk } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import type { Cause } from "./idempotency.ts";
import { mergeBulk } from "../domain/merged-bulk.ts";
import { askAll } from "./dispatchers.ts";
import { countEndedRuns } from "./ended-runs.ts";
import { unwrap } from "./outcome.ts";

/** Counting for a preview stops here. */
const MOST_COUNTED = 10_000;

export async function previewBulk(deps: Deps, actor: Actor, { action, filter }: StartBulk): Promise<BulkPreview> {
  if (action === "retry") {
    return countEndedRuns(deps, actor.workspaceId, filter, MOST_COUNTED);
  }
  const command = { action, filter, most: MOST_COUNTED };
  const answers = await askAll(deps, actor.workspaceId, (dispatcher) => dispatcher.previewBulk(command));
  return {
    matched: answers.reduce((sum, { matched }) => sum + matched, 0),
    exact: answers.every(({ exact }) => exact),
  };
}

/** With an Idempotency-Key a repeat answers the same id. */
export async function startBulk(
  deps: Deps,
  act: Act,
  { action, filter }: StartBulk,
  cause: Cause,
): Promise<{ readonly bulkId: string }> {
  const bulkId = makeId("bulk", deps.clock.now(), deps.ids.random(10));
  const { key: causeKey, bodyHash } = cause;
  const { workspaceId } = act.actor;
  const home = deps.dispatcherFor(workspaceId);
  const by = stampOf(act);
  const started = unwrap(await home.startBulk({ bulkId, causeKey, bodyHash, action, filter, by }));
  // What has ended is in D1, for home and all shards: home alone repeats it, wherever the new runs go.
  const shards = action === "retry" ? [] : await home.listShards();
  // Home keeps the key; under the same id a repeat begins nothing twice.
  const own = { bulkId: started.bulkId, causeKey: null, bodyHash, action, filter, by };
  for (const shard of shards) {
    unwrap(await deps.dispatcherFor(workspaceId, shard).startBulk(own));
  }
  return started;
}

export async function getBulk(deps: Deps, actor: Actor, bulkId: string): Promise<Bulk> {
  return whole(bulkId, await askAll(deps, actor.workspaceId, (dispatcher) => dispatcher.getBulk(bulkId)));
}

export async function stopBulk(deps: Deps, act: Act, bulkId: string): Promise<Bulk> {
  const { workspaceId } = act.actor;
  const by = stampOf(act);
  const [home, ...shards] = await askAll(deps, workspaceId, (dispatcher) => dispatcher.stopBulk({ bulkId, by }));
  return whole(bulkId, [unwrap(home), ...shards.map((one) => (one.ok ? one.value : null))]);
}

/** The parts of every Dispatcher; shards that came later have none. */
function whole(bulkId: string, parts: readonly (Bulk | null)[]): Bulk {
  const [first, ...others] = parts.filter((part) => part !== null);
  if (first === undefined) {
    throw new AppError("not_found", `There is no bulk work ${bulkId}; it is kept for seven days.`);
  }
  return mergeBulk([first, ...others]);
}
