/** Variables of the workspace and of single events. Each value is a version that never changes. */
import type { Json, SetVariable, Variable, VariableVersion } from "@cronium/protocol";
import { overCount } from "../../domain/count-quota.ts";
import { MAX_SCOPE_BYTES, variableTypeOf, type VariableType } from "@cronium/protocol/api/variables";
import { abridged } from "../../auth/abridged.ts";
import type { Stamp } from "../../domain/act.ts";
import type { By, Outcome, Refusal } from "../../domain/dispatcher.ts";
import type { CreateVariableCommand } from "../../domain/values-api.ts";
import type { Shell, Turn } from "./shell.ts";
import { noteValueChange } from "./value-changes.ts";
import { inScopeOf, readEventNameOrNull, readScope, WORKSPACE_SCOPE } from "./value-scopes.ts";

/** Older values of a variable are forgotten. */
const KEEP_VERSIONS = 100;

interface VariableRow {
  readonly id: string;
  readonly scope: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly type: VariableType;
  /** JSON. */
  readonly value: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly rev: number;
}

const SELECT = `SELECT a.*, v.type, v.value FROM variables a
  JOIN variable_versions v ON v.variable_id = a.id AND v.version = a.version`;

export function createVariable(
  shell: Shell,
  turn: Turn,
  { variableId, variable, by }: CreateVariableCommand,
): Outcome<Variable> {
  const { name, description, value, eventId } = variable;
  const scope = readScope(shell, eventId);
  if (!scope.ok) {
    return scope;
  }
  const taken = shell.sql.exec("SELECT id FROM variables WHERE scope = ? AND name = ?", scope.value, name).toArray();
  if (taken.length > 0) {
    const where = scope.value === WORKSPACE_SCOPE ? "in this workspace" : "of this event";
    return { ok: false, code: "name_taken", message: `There is a variable ${name} ${where} already; set it instead.` };
  }
  const type = variable.type ?? variableTypeOf(value);
  const refusal =
    wrongType(type, value) ?? refuseMore(shell) ?? tooMuch(shell, { scope: scope.value, instead: null, value });
  if (refusal !== null) {
    return refusal;
  }
  shell.sql.exec(
    `INSERT INTO variables (id, scope, name, description, version, created_at, updated_at, rev)
     VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, 1)`,
    variableId,
    scope.value,
    name,
    description,
    turn.now,
  );
  insertVersion(shell, turn, { id: variableId, version: 1, type, value, by });
  const row = mustFind(shell, variableId);
  noteValueChange(shell, turn, { ...changeOf(row, by), action: "created", after: stateOf(row) });
  return { ok: true, value: mustView(shell, variableId) };
}

export function setVariable(
  shell: Shell,
  turn: Turn,
  { variableId, change, by }: By & { readonly variableId: string; readonly change: SetVariable },
): Outcome<Variable> {
  const row = find(shell, variableId);
  if (row === null) {
    return noVariable(variableId);
  }
  const conflict = conflictWith(row, change.version ?? null);
  const { value } = change;
  // A variable that was declared as JSON takes any value; another keeps its type unless a new one is named.
  const type = change.type ?? row.type;
  const refusal = conflict ?? wrongType(type, value) ?? tooMuch(shell, { scope: row.scope, instead: row.value, value });
  if (refusal !== null) {
    return refusal;
  }
  const version = row.version + 1;
  shell.sql.exec(
    "UPDATE variables SET version = ?2, description = ?3, updated_at = ?4, rev = rev + 1 WHERE id = ?1",
    variableId,
    version,
    change.description ?? row.description,
    turn.now,
  );
  insertVersion(shell, turn, { id: variableId, version, type, value, by });
  shell.sql.exec(
    "DELETE FROM variable_versions WHERE variable_id = ? AND version <= ?",
    variableId,
    version - KEEP_VERSIONS,
  );
  const now = mustFind(shell, variableId);
  noteValueChange(shell, turn, { ...changeOf(now, by), action: "changed", before: stateOf(row), after: stateOf(now) });
  return { ok: true, value: mustView(shell, variableId) };
}

export function deleteVariable(
  shell: Shell,
  turn: Turn,
  { variableId, version, by }: By & { readonly variableId: string; readonly version: number | null },
): Outcome<null> {
  const row = find(shell, variableId);
  if (row === null) {
    return noVariable(variableId);
  }
  const conflict = conflictWith(row, version);
  if (conflict !== null) {
    return conflict;
  }
  const change = { ...changeOf(row, by), rev: row.rev + 1 };
  noteValueChange(shell, turn, { ...change, action: "deleted", before: stateOf(row) });
  shell.sql.exec("DELETE FROM variables WHERE id = ?", variableId);
  shell.sql.exec("DELETE FROM variable_versions WHERE variable_id = ?", variableId);
  shell.variables = null;
  return { ok: true, value: null };
}

/** By name; with an event, what its runs would get. */
export function listVariables(shell: Shell, eventId: string | undefined): Outcome<Variable[]> {
  const scope = readScope(shell, eventId ?? null);
  if (!scope.ok) {
    return scope;
  }
  const rows = readAll(shell);
  const shown = eventId === undefined ? rows : inScopeOf(rows, eventId);
  return { ok: true, value: shown.map((row) => view(shell, row)) };
}

export function readVariable(shell: Shell, variableId: string): Variable | null {
  const row = find(shell, variableId);
  return row === null ? null : view(shell, row);
}

export function readVariableVersions(shell: Shell, variableId: string): VariableVersion[] {
  return shell.sql
    .exec("SELECT * FROM variable_versions WHERE variable_id = ? ORDER BY version DESC", variableId)
    .toArray()
    .map((row) => ({
      version: row["version"] as number,
      type: row["type"] as VariableType,
      value: JSON.parse(row["value"] as string) as Json,
      by: row["by"] as string,
      at: new Date(row["at"] as number).toISOString(),
    }));
}

/** Those that a run of this event finds, by name. */
export function visibleVariables(shell: Shell, eventId: string | null): VariableRow[] {
  return inScopeOf(readAll(shell), eventId);
}

/** Null when there is none. */
export function nameOfVariable(shell: Shell, variableId: string): string | null {
  return find(shell, variableId)?.name ?? null;
}

/** What D1 is told. */
export function readVariableProjection(shell: Shell, variableId: string) {
  const row = find(shell, variableId);
  return row === null
    ? null
    : {
        id: row.id,
        kind: "variable" as const,
        name: row.name,
        eventId: row.scope === WORKSPACE_SCOPE ? null : row.scope,
        version: row.version,
        keyId: null,
        updatedAt: row.updated_at,
        rev: row.rev,
      };
}

/** Values by name, as a run of this event finds them; null when the workspace has no variable at all. */
export function variablesFor(shell: Shell, eventId: string | null): Readonly<Record<string, Json>> | null {
  shell.variables ??= { rows: readAll(shell), byEvent: new Map() };
  const { rows, byEvent } = shell.variables;
  if (rows.length === 0) {
    return null;
  }
  const key = eventId ?? WORKSPACE_SCOPE;
  let values = byEvent.get(key);
  if (values === undefined) {
    values = Object.fromEntries(inScopeOf(rows, eventId).map(({ name, value }) => [name, JSON.parse(value) as Json]));
    byEvent.set(key, values);
  }
  return Object.keys(values).length === 0 ? null : values;
}

function insertVersion(
  shell: Shell,
  turn: Turn,
  version: {
    readonly id: string;
    readonly version: number;
    readonly type: VariableType;
    readonly value: Json;
    readonly by: Stamp;
  },
): void {
  shell.sql.exec(
    "INSERT INTO variable_versions (variable_id, version, type, value, by, at) VALUES (?, ?, ?, ?, ?, ?)",
    version.id,
    version.version,
    version.type,
    JSON.stringify(version.value),
    version.by.actor.id,
    turn.now,
  );
  shell.variables = null;
}

function changeOf({ id, name, scope, rev }: VariableRow, by: Stamp) {
  return { kind: "variable" as const, id, name, scope, rev, by };
}

/** What the audit says of a variable. */
function stateOf({ version, description, type, value }: VariableRow): Readonly<Record<string, Json>> {
  return { version, description, type, value: abridged(JSON.parse(value) as Json) };
}

function mustFind(shell: Shell, id: string): VariableRow {
  const row = find(shell, id);
  if (row === null) {
    throw new Error(`variable ${id} is gone within its own turn`);
  }
  return row;
}

function readAll(shell: Shell): VariableRow[] {
  return shell.sql.exec(`${SELECT} ORDER BY a.name, a.scope`).toArray() as unknown as VariableRow[];
}

function find(shell: Shell, id: string): VariableRow | null {
  return (shell.sql.exec(`${SELECT} WHERE a.id = ?`, id).toArray()[0] as VariableRow | undefined) ?? null;
}

function conflictWith(row: VariableRow, version: number | null): Refusal | null {
  return version === null || version === row.version
    ? null
    : {
        ok: false,
        code: "version_conflict",
        message: `The change is based on version ${version}, but ${row.name} is at version ${row.version}.`,
      };
}

function wrongType(type: VariableType, value: Json): Refusal | null {
  if (type === "json" || variableTypeOf(value) === type) {
    return null;
  }
  const message = `must be a ${type}, as the variable's type says; name another type to change it`;
  const errors = [{ pointer: "/value", code: "invalid_type" as const, message }];
  return { ok: false, code: "invalid_type", message: `/value ${message}.`, errors };
}

function refuseMore(shell: Shell): Refusal | null {
  const count = shell.sql.exec("SELECT count(*) AS count FROM variables").one()["count"] as number;
  return overCount("variables", count);
}

/** All values of a scope travel with each run, so their sum has a limit. */
function tooMuch(
  shell: Shell,
  { scope, instead, value }: { readonly scope: string; readonly instead: string | null; readonly value: Json },
): Refusal | null {
  const sizeOf = (text: string): number => new TextEncoder().encode(text).length;
  const held = readAll(shell)
    .filter((row) => row.scope === scope)
    .reduce((sum, row) => sum + sizeOf(row.value), 0);
  const sum = held - (instead === null ? 0 : sizeOf(instead)) + sizeOf(JSON.stringify(value));
  return sum <= MAX_SCOPE_BYTES
    ? null
    : {
        ok: false,
        code: "out_of_range",
        message: `All variables ${scope === WORKSPACE_SCOPE ? "of the workspace" : "of this event"} together hold at most ${MAX_SCOPE_BYTES} bytes of JSON, and would hold ${sum}.`,
      };
}

function noVariable(id: string): Refusal {
  return { ok: false, code: "not_found", message: `There is no variable ${id}.` };
}

function mustView(shell: Shell, id: string): Variable {
  const variable = readVariable(shell, id);
  if (variable === null) {
    throw new Error(`variable ${id} is gone within its own turn`);
  }
  return variable;
}

function view(shell: Shell, row: VariableRow): Variable {
  const own = row.scope === WORKSPACE_SCOPE ? null : row.scope;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    eventId: own,
    eventName: own === null ? null : readEventNameOrNull(shell, own),
    type: row.type,
    value: JSON.parse(row.value) as Json,
    version: row.version,
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
  };
}
