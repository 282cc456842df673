/** Settings of the workspace, kept by its Dispatcher. */
import type { UpdateSettings } from "@cronium/protocol";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import type { SettingsAt } from "../domain/dispatcher.ts";
import { unwrap } from "./outcome.ts";

export async function getSettings(deps: Deps, actor: Actor): Promise<SettingsAt> {
  return deps.dispatcherFor(actor.workspaceId).getSettings();
}

/** Throws `version_conflict`. */
export async function updateSettings(
  deps: Deps,
  act: Act,
  change: UpdateSettings,
  ifVersion: number | null,
): Promise<SettingsAt> {
  const { workspaceId } = act.actor;
  const updated = await deps.dispatcherFor(workspaceId).updateSettings({ change, ifVersion, by: stampOf(act) });
  deps.heldTriggers.release(workspaceId);
  return unwrap(updated);
}
