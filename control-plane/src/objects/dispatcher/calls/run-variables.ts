/** Variables as a run reads and writes them: by name, its event's own before the workspace's. */
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { parseStrictJson } from "@cronium/protocol/json";
import { MAX_VARIABLE_BYTES } from "@cronium/protocol/api/variables";
import { VARIABLE_PAGE, type WriteScope } from "@cronium/protocol/calls";
import type { CallOp, Json } from "@cronium/protocol";
import type { CallAnswer, HomeCall } from "../../../domain/calls.ts";
import type { Outcome } from "../../../domain/dispatcher.ts";
import type { Stamp } from "../../../domain/act.ts";
import { hasVariables } from "../handed-values.ts";
import { tellShards } from "../shard-news.ts";
import type { Shell, Turn } from "../shell.ts";
import { WORKSPACE_SCOPE } from "../value-scopes.ts";
import { createVariable, deleteVariable, setVariable, visibleVariables } from "../variables.ts";
import { allow } from "./readers.ts";

type Of<T extends CallOp["do"]> = Extract<CallOp, { do: T }>;

interface Found {
  readonly id: string;
  readonly scope: string;
  readonly version: number;
  /** JSON. */
  readonly value: string;
}

export function getForRun(shell: Shell, turn: Turn, call: HomeCall, { name }: Of<"variable.get">): CallAnswer {
  const found = findOne(shell, call.eventId, name);
  return {
    result: {
      value: found?.value ?? null,
      version: found?.version ?? 0,
      ...allow(shell, call, name, turn.now),
    },
  };
}

export function listForRun(shell: Shell, call: HomeCall, { prefix, after }: Of<"variable.list">): CallAnswer {
  const rows = visibleVariables(shell, call.eventId).filter(
    ({ name }) => name.startsWith(prefix) && (after === null || name > after),
  );
  const page = rows.slice(0, VARIABLE_PAGE);
  const items = page.map(({ name, version, value }) => ({ name, version, value }));
  return { result: { items, next: rows.length > page.length ? (page.at(-1)?.name ?? null) : null } };
}

export function setForRun(shell: Shell, turn: Turn, call: HomeCall, op: Of<"variable.set">): CallAnswer {
  const value = readValue(op.value);
  if ("error" in value) {
    return value;
  }
  const place = placeOf(shell, call, op);
  if ("error" in place) {
    return place;
  }
  const { found, scope } = place;
  const before = hasVariables(shell.sql);
  const outcome =
    found === null
      ? createVariable(shell, turn, {
          variableId: makeId("variable", turn.now, shell.deps.ids.random(10)),
          // What a script makes takes whatever it writes next.
          variable: {
            name: op.name,
            description: "",
            value: value.value,
            type: "json",
            eventId: scope === WORKSPACE_SCOPE ? null : scope,
          },
          by: stampOf(call),
        })
      : setVariable(shell, turn, { variableId: found.id, change: { value: value.value }, by: stampOf(call) });
  if (!outcome.ok) {
    return refused(outcome);
  }
  if (!before) {
    tellShards(shell, turn, "rules");
  }
  const isSeen = findOne(shell, call.eventId, op.name)?.scope === scope;
  const allowed = allow(shell, call, op.name, turn.now, 1);
  return { result: { version: outcome.value.version, ...allowed, ...(isSeen ? {} : { cacheMs: 0 }) } };
}

export function deleteForRun(shell: Shell, turn: Turn, call: HomeCall, op: Of<"variable.delete">): CallAnswer {
  const place = placeOf(shell, call, op);
  if ("error" in place) {
    return place;
  }
  if (place.found === null) {
    return { result: null };
  }
  const outcome = deleteVariable(shell, turn, { variableId: place.found.id, version: null, by: stampOf(call) });
  return outcome.ok ? { result: null } : refused(outcome);
}

/** The variable that is meant, or where it would be; refused when it is at another version than the job believes. */
function placeOf(
  shell: Shell,
  { eventId }: HomeCall,
  {
    name,
    scope,
    ifVersion,
  }: { readonly name: string; readonly scope?: WriteScope | undefined; readonly ifVersion?: number | undefined },
): { readonly found: Found | null; readonly scope: string } | { readonly error: NonNullable<CallAnswer["error"]> } {
  if (scope === "event" && eventId === null) {
    const message = "This run is of no event, so it has no variables of its own; leave the scope out.";
    return { error: { code: "invalid_value", message } };
  }
  const chosen = scope === undefined ? null : scope === "event" ? (eventId ?? WORKSPACE_SCOPE) : WORKSPACE_SCOPE;
  const found = chosen === null ? findOne(shell, eventId, name) : findIn(shell, chosen, name);
  const version = found?.version ?? 0;
  if (ifVersion !== undefined && ifVersion !== version) {
    const is = version === 0 ? "there is none of that name" : `it is at version ${version}`;
    const message = `The write of ${name} is based on version ${ifVersion}, but ${is}.`;
    return { error: { code: "version_conflict", message } };
  }
  return { found, scope: found?.scope ?? chosen ?? WORKSPACE_SCOPE };
}

function readValue(text: string): { readonly value: Json } | { readonly error: NonNullable<CallAnswer["error"]> } {
  if (new TextEncoder().encode(text).length > MAX_VARIABLE_BYTES) {
    const message = `A variable holds at most ${MAX_VARIABLE_BYTES} bytes of JSON.`;
    return { error: { code: "body_too_large", message } };
  }
  try {
    return { value: parseStrictJson(text) };
  } catch (error) {
    if (error instanceof AppError) {
      return { error: { code: error.code, message: error.message } };
    }
    throw error;
  }
}

function findOne(shell: Shell, eventId: string | null, name: string): Found | null {
  const own = eventId === null ? null : findIn(shell, eventId, name);
  return own ?? findIn(shell, WORKSPACE_SCOPE, name);
}

/** Index: variables_name. */
function findIn(shell: Shell, scope: string, name: string): Found | null {
  const row = shell.sql
    .exec(
      `SELECT a.id, a.scope, a.version, v.value FROM variables a
       JOIN variable_versions v ON v.variable_id = a.id AND v.version = a.version
       WHERE a.scope = ? AND a.name = ?`,
      scope,
      name,
    )
    .toArray()[0];
  return (row as Found | undefined) ?? null;
}

function stampOf({ runId }: HomeCall): Stamp {
  return { actor: { kind: "run", id: runId }, ip: null, requestId: "" };
}

function refused(outcome: Extract<Outcome<unknown>, { ok: false }>): CallAnswer {
  return { error: { code: outcome.code, message: outcome.message } };
}
