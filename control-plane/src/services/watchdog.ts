/** Wakes every Dispatcher once a minute, so that an alarm that was lost is noticed and set again. */
import type { Deps } from "../deps.ts";
import { listWorkspaceIds } from "../store/accounts.ts";

export async function pokeDispatchers(deps: Deps): Promise<{ readonly poked: number }> {
  const workspaceIds = await listWorkspaceIds(deps.db);
  const results = await Promise.allSettled(workspaceIds.map((workspaceId) => pokeAll(deps, workspaceId)));
  for (const [index, result] of results.entries()) {
    if (result.status === "rejected") {
      deps.log.error("watchdog.failed", {
        workspaceId: workspaceIds[index],
        error: String(result.reason),
      });
    }
  }
  return { poked: results.filter((result) => result.status === "fulfilled").length };
}

async function pokeAll(deps: Deps, workspaceId: string): Promise<void> {
  const { shards } = await deps.dispatcherFor(workspaceId).check();
  await Promise.all(shards.map((shard) => deps.dispatcherFor(workspaceId, shard).check()));
}
