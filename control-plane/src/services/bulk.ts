/** Bulk work over runs: counted, started and watched here, done by the Dispatcher. */
import type { Bulk, BulkPreview, StartBulk } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import type { Cause } from "./idempotency.ts";
import { unwrap } from "./outcome.ts";

export async function previewBulk(deps: Deps, actor: Actor, { action, filter }: StartBulk): Promise<BulkPreview> {
  return deps.dispatcherFor(actor.workspaceId).previewBulk({ action, filter });
}

/** With an Idempotency-Key a repeat answers the same id. */
export async function startBulk(
  deps: Deps,
  actor: Actor,
  { action, filter }: StartBulk,
  cause: Cause,
): Promise<{ readonly bulkId: string }> {
  const bulkId = makeId("bulk", deps.clock.now(), deps.ids.random(10));
  const { key: causeKey, bodyHash } = cause;
  return unwrap(await deps.dispatcherFor(actor.workspaceId).startBulk({ bulkId, causeKey, bodyHash, action, filter }));
}

export async function getBulk(deps: Deps, actor: Actor, bulkId: string): Promise<Bulk> {
  const bulk = await deps.dispatcherFor(actor.workspaceId).getBulk(bulkId);
  if (bulk === null) {
    throw new AppError("not_found", `There is no bulk work ${bulkId}; it is kept for seven days.`);
  }
  return bulk;
}

export async function stopBulk(deps: Deps, actor: Actor, bulkId: string): Promise<Bulk> {
  return unwrap(await deps.dispatcherFor(actor.workspaceId).stopBulk(bulkId));
}
