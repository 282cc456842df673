/** Names of Dispatchers: the workspace's id for its own ("home"), with a number behind it for a shard. */
import { HOME_SHARD } from "@cronium/protocol/ids";

export function dispatcherName(workspaceId: string, shard: number): string {
  return shard === HOME_SHARD ? workspaceId : `${workspaceId}/${shard}`;
}

export function readDispatcherName(name: string): { readonly workspaceId: string; readonly shard: number } {
  const [workspaceId = "", shard = String(HOME_SHARD)] = name.split("/");
  return { workspaceId, shard: Number(shard) };
}
