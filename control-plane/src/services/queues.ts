/** Named queues of the workspace, kept by its Dispatcher. */
import type { PauseQueue, Queue, ShardQueue } from "@cronium/protocol";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { mergeQueues } from "../domain/merged-queues.ts";
import { askAll } from "./dispatchers.ts";
import { unwrap } from "./outcome.ts";

/** By name; all of them on one page, because people name them one by one. */
export async function listQueues(
  deps: Deps,
  actor: Actor,
): Promise<{ readonly items: Queue[]; readonly nextCursor: null }> {
  const answers = await askAll(deps, actor.workspaceId, (dispatcher) => dispatcher.listQueues());
  return { items: mergeQueues(answers), nextCursor: null };
}

export async function pauseQueue(deps: Deps, act: Act, name: string, { note }: PauseQueue): Promise<Queue> {
  return deps.dispatcherFor(act.actor.workspaceId).setQueuePause({ name, pause: { note }, by: stampOf(act) });
}

/** A shard of its own for a queue, or home again. Throws `shard_conflict` while its last move is not over. */
export async function shardQueue(deps: Deps, act: Act, name: string, { own }: ShardQueue): Promise<Queue> {
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).setQueueShard({ name, own, by: stampOf(act) }));
}

export async function resumeQueue(deps: Deps, act: Act, name: string): Promise<Queue> {
  return deps.dispatcherFor(act.actor.workspaceId).setQueuePause({ name, pause: null, by: stampOf(act) });
}
