/** Named queues of the workspace, kept by its Dispatcher. */
import type { PauseQueue, Queue } from "@cronium/protocol";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";

/** By name; all of them on one page, because people name them one by one. */
export async function listQueues(
  deps: Deps,
  actor: Actor,
): Promise<{ readonly items: Queue[]; readonly nextCursor: null }> {
  return { items: [...(await deps.dispatcherFor(actor.workspaceId).listQueues())], nextCursor: null };
}

export async function pauseQueue(deps: Deps, actor: Actor, name: string, { note }: PauseQueue): Promise<Queue> {
  return deps.dispatcherFor(actor.workspaceId).setQueuePause({ name, pause: { note } });
}

export async function resumeQueue(deps: Deps, actor: Actor, name: string): Promise<Queue> {
  return deps.dispatcherFor(actor.workspaceId).setQueuePause({ name, pause: null });
}
