/**
 * Which Dispatcher is asked. A run's id names its shard; which shard a queue has is decided by the workspace's own
 * Dispatcher ("home"), in the very call that triggers a run, so that a workspace without shards pays nothing for them.
 */
import { HOME_SHARD, shardOf } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { dispatcherName } from "../domain/dispatcher-name.ts";
import type { DispatcherApi } from "../domain/dispatcher.ts";

/** Asks home and every shard of the workspace the same; home's answer is the first. */
export async function askAll<T>(
  deps: Pick<Deps, "dispatcherFor">,
  workspaceId: string,
  ask: (dispatcher: DispatcherApi) => Promise<T>,
): Promise<readonly [T, ...T[]]> {
  const home = deps.dispatcherFor(workspaceId);
  const others = async (): Promise<T[]> => {
    const shards = await home.listShards();
    return Promise.all(shards.map((shard) => ask(deps.dispatcherFor(workspaceId, shard))));
  };
  const [first, rest] = await Promise.all([ask(home), others()]);
  return [first, ...rest];
}

const MOST_KNOWN = 10_000;

/**
 * The Dispatcher that keeps this run. An id that names a shard which the workspace does not have is nobody's: home is
 * asked then, which does not know it either, and no object is made for it.
 */
export async function dispatcherOfRun(
  deps: Pick<Deps, "dispatcherFor" | "knownShards">,
  workspaceId: string,
  runId: string,
): Promise<DispatcherApi> {
  const shard = shardOf(runId);
  if (shard === HOME_SHARD || !(await hasShard(deps, workspaceId, shard))) {
    return deps.dispatcherFor(workspaceId);
  }
  return deps.dispatcherFor(workspaceId, shard);
}

/** Asks home once for each shard that there is: none is ever removed. */
export async function hasShard(
  deps: Pick<Deps, "dispatcherFor" | "knownShards">,
  workspaceId: string,
  shard: number,
): Promise<boolean> {
  const name = dispatcherName(workspaceId, shard);
  if (deps.knownShards.has(name)) {
    return true;
  }
  const found = (await deps.dispatcherFor(workspaceId).listShards()).includes(shard);
  if (found) {
    if (deps.knownShards.size >= MOST_KNOWN) {
      deps.knownShards.clear();
    }
    deps.knownShards.add(name);
  }
  return found;
}
