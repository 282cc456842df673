/** Where secrets and variables belong: to the whole workspace, or to one of its events. */
import type { Outcome } from "../../domain/dispatcher.ts";
import type { Shell } from "./shell.ts";

/** In place of an event's id. */
export const WORKSPACE_SCOPE = "";

/** The scope that an optional event names; refused when there is no such event. */
export function readScope(shell: Shell, eventId: string | null): Outcome<string> {
  if (eventId === null) {
    return { ok: true, value: WORKSPACE_SCOPE };
  }
  return readEventNameOrNull(shell, eventId) === null
    ? { ok: false, code: "not_found", message: `There is no event ${eventId}.` }
    : { ok: true, value: eventId };
}

export function readEventNameOrNull(shell: Shell, eventId: string): string | null {
  const row = shell.sql.exec("SELECT name FROM events WHERE id = ?", eventId).toArray()[0];
  return (row?.["name"] as string | undefined) ?? null;
}

/** Of rows in the order of their names: those that runs of this event get, its own before the workspace's. */
export function inScopeOf<T extends { readonly scope: string; readonly name: string }>(
  rows: readonly T[],
  eventId: string | null,
): T[] {
  const own = new Set(rows.filter(({ scope }) => scope === eventId).map(({ name }) => name));
  return rows.filter(({ scope, name }) => scope === eventId || (scope === WORKSPACE_SCOPE && !own.has(name)));
}
