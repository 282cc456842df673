/** Variables: read from the cache or the control plane, written there. */
import {
  AppError,
  echo,
  envNameProblem,
  MAX_VARIABLE_BYTES,
  SetVariableBody,
  VariableListed,
  VariableRead,
  VariableWritten,
  type WriteScope,
} from "@cronium/protocol";
import { ask, bound, type Call, demand, empty, queryInt, readFields, refusal, send, sendText } from "./call.ts";
import type { Cached } from "./variable-cache.ts";

/** Room for the fields around the value. */
const BODY_BYTES = MAX_VARIABLE_BYTES + 1_024;

export async function getVariable(call: Call): Promise<void> {
  const { response, url, name } = call;
  const found = await find(call);
  if (found === null || found.value === null) {
    throw new AppError("not_found", `Neither the event nor the workspace has a variable ${echo(name)}.`);
  }
  if (found.version > 0) {
    response.setHeader("cronium-version", found.version);
  }
  if (url.searchParams.get("format") === "text") {
    const value = found.value.startsWith('"') ? (JSON.parse(found.value) as string) : found.value;
    sendText(response, 200, value, "text/plain; charset=utf-8");
  } else {
    sendText(response, 200, found.value, "application/json");
  }
}

async function find(call: Call): Promise<Cached | null> {
  const { context, slot, name } = call;
  const { calls = false, context: run, variables } = bound(slot);
  if (envNameProblem(name) !== null) {
    return null;
  }
  const cached = calls ? context.cache.get(run.eventId, name) : null;
  slot.metrics.read(cached !== null);
  if (cached !== null) {
    return cached;
  }
  const keep = context.cache.asking(run.eventId, name);
  const answered = await ask(call, { do: "variable.get", name });
  if (answered.ok) {
    const read = VariableRead.parse(answered.result);
    keep(read, read);
    return read;
  }
  if (answered.error.code === "upgrade_required") {
    // A control plane that takes no calls has handed over everything with the job.
    return Object.hasOwn(variables, name) ? { value: JSON.stringify(variables[name]), version: 0 } : null;
  }
  throw refusal(call, answered.error);
}

export async function listVariables(call: Call): Promise<void> {
  const { url, response } = call;
  const prefix = url.searchParams.get("prefix") ?? "";
  const after = readCursor(url.searchParams.get("cursor"));
  const { items, next } = await demand(call, VariableListed, { do: "variable.list", prefix, after });
  const cursor = next === null ? null : Buffer.from(next).toString("base64url");
  if (url.searchParams.get("format") === "text") {
    // For shells: names alone, one on a line.
    if (cursor !== null) {
      response.setHeader("cronium-next-cursor", cursor);
    }
    sendText(response, 200, items.map(({ name }) => name).join("\n"), "text/plain; charset=utf-8");
    return;
  }
  const shown = items.map(({ name, version, value }) => ({ name, version, value: JSON.parse(value) as unknown }));
  send(response, 200, { items: shown, nextCursor: cursor });
}

function readCursor(cursor: string | null): string | null {
  const after = cursor === null ? null : Buffer.from(cursor, "base64url").toString();
  if (after !== null && envNameProblem(after) !== null) {
    throw new AppError("invalid_cursor", `The cursor ${echo(cursor ?? "")} is none of ours.`);
  }
  return after;
}

export async function putVariable(call: Call): Promise<void> {
  const { context, slot, response, name } = call;
  checkName(name);
  const scope = scopeOf(call);
  const { value, ifVersion } = await readFields(call, SetVariableBody, BODY_BYTES);
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_VARIABLE_BYTES) {
    throw new AppError("body_too_large", `A variable holds at most ${MAX_VARIABLE_BYTES} bytes of JSON.`);
  }
  const keep = context.cache.asking(bound(slot).context.eventId, name);
  const written = await demand(call, VariableWritten, {
    do: "variable.set",
    name,
    value: text,
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(scope === undefined ? {} : { scope }),
  });
  keep({ value: text, version: written.version }, written);
  send(response, 200, { version: written.version });
}

export async function deleteVariable(call: Call): Promise<void> {
  const { response, name } = call;
  checkName(name);
  const ifVersion = queryInt(call, "ifVersion");
  const scope = scopeOf(call);
  const answered = await ask(call, {
    do: "variable.delete",
    name,
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(scope === undefined ? {} : { scope }),
  });
  if (!answered.ok) {
    throw refusal(call, answered.error);
  }
  empty(response);
}

function checkName(name: string): void {
  const problem = envNameProblem(name);
  if (problem !== null) {
    throw new AppError("invalid_name", `The name ${echo(name)} of a variable ${problem.message}.`);
  }
}

function scopeOf({ url }: Call): WriteScope | undefined {
  const scope = url.searchParams.get("scope");
  if (scope === null || scope === "event" || scope === "workspace") {
    return scope ?? undefined;
  }
  throw new AppError("invalid_value", `The query's scope is ${echo(scope)} and must be event or workspace.`);
}
