/** Settings of the workspace, kept by its Dispatcher. */
import type { Settings, UpdateSettings } from "@cronium/protocol";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";

export async function getSettings(deps: Deps, actor: Actor): Promise<Settings> {
  return deps.dispatcherFor(actor.workspaceId).getSettings();
}

export async function updateSettings(deps: Deps, act: Act, change: UpdateSettings): Promise<Settings> {
  const { workspaceId } = act.actor;
  const updated = await deps.dispatcherFor(workspaceId).updateSettings({ change, by: stampOf(act) });
  deps.heldTriggers.release(workspaceId);
  return updated;
}
