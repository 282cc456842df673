/** Variables: kept by the Dispatcher, every value as a version of its own. */
import type { CreateVariable, SetVariable, Variable, VariableVersion } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { unwrap } from "./outcome.ts";

type Page<T> = { readonly items: T[]; readonly nextCursor: null };

/** By name; with an event, what its runs would get. All on one page: there are at most 1,000. */
export async function listVariables(deps: Deps, actor: Actor, eventId: string | undefined): Promise<Page<Variable>> {
  const items = unwrap(await deps.dispatcherFor(actor.workspaceId).listVariables(eventId));
  return { items: [...items], nextCursor: null };
}

export async function getVariable(deps: Deps, actor: Actor, variableId: string): Promise<Variable> {
  const variable = await deps.dispatcherFor(actor.workspaceId).getVariable(variableId);
  if (variable === null) {
    throw noVariable(variableId);
  }
  return variable;
}

/** Newest first; the last hundred are kept. */
export async function listVariableVersions(
  deps: Deps,
  actor: Actor,
  variableId: string,
): Promise<Page<VariableVersion>> {
  const items = await deps.dispatcherFor(actor.workspaceId).listVariableVersions(variableId);
  if (items.length === 0) {
    throw noVariable(variableId);
  }
  return { items: [...items], nextCursor: null };
}

export async function createVariable(deps: Deps, act: Act, variable: CreateVariable): Promise<Variable> {
  const variableId = makeId("variable", deps.clock.now(), deps.ids.random(10));
  const command = { variableId, variable, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).createVariable(command));
}

export async function setVariable(deps: Deps, act: Act, variableId: string, change: SetVariable): Promise<Variable> {
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).setVariable({ variableId, change, by: stampOf(act) }));
}

/** `version` null: whatever it is at. */
export async function deleteVariable(deps: Deps, act: Act, variableId: string, version: number | null): Promise<void> {
  unwrap(await deps.dispatcherFor(act.actor.workspaceId).deleteVariable({ variableId, version, by: stampOf(act) }));
}

function noVariable(variableId: string): AppError {
  return new AppError("not_found", `There is no variable ${variableId}.`);
}
