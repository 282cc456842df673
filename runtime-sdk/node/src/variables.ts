/** Variables of the event and the workspace. */
import { InvalidValueError, NotFoundError } from "./errors.ts";
import { currentRun, localVariable, requireRun, toJson } from "./run.ts";
import { callRuntime, exchangeWith, readText } from "./transport.ts";

export interface VariableItem {
  name: string;
  /** Counts from 1; 0 stands for a variable that is not there. */
  version: number;
  value: unknown;
}

export interface SetVariableOptions {
  /** Set it only if it still has this version, 0 meaning that it is not there. */
  ifVersion?: number;
  /** Whose variable; by default the one that `getVariable` would read. */
  scope?: "event" | "workspace";
}

/**
 * The value of a variable of the event or the workspace: any JSON value. Where there is none, `fallback`, or it rejects
 * with `NotFoundError` without one. Outside a run it is the environment variable of that name, as JSON where it is JSON,
 * and as text otherwise. The type parameter is taken on trust.
 */
export async function getVariable<Value = unknown>(name: string, ...fallback: [Value?]): Promise<Value> {
  const run = currentRun();
  if (run === undefined) {
    return localVariable(name, fallback) as Value;
  }
  try {
    const text = await callRuntime(run, { method: "GET", name: `variables/${encodeURIComponent(name)}` });
    return JSON.parse(text) as Value;
  } catch (error) {
    if (error instanceof NotFoundError && fallback.length > 0) {
      return fallback[0] as Value;
    }
    throw error;
  }
}

/**
 * Value and version of a variable: the version is what `setVariable` takes as `ifVersion`. Where there is none, the
 * value is `fallback` and the version 0.
 */
export async function getVariableWithVersion<Value = unknown>(
  name: string,
  fallback?: Value,
): Promise<{ value: Value; version: number }> {
  const run = requireRun();
  try {
    const call = { method: "GET", name: `variables/${encodeURIComponent(name)}` } as const;
    const { headers, value } = await exchangeWith(run, call, readText);
    return { value: JSON.parse(value) as Value, version: Number(headers["cronium-version"] ?? 1) };
  } catch (error) {
    if (error instanceof NotFoundError) {
      return { value: fallback as Value, version: 0 };
    }
    throw error;
  }
}

/**
 * Sets a variable to any JSON value up to 64 KiB and resolves with its new version, once it is stored in the control
 * plane. With `ifVersion` it rejects with `VersionConflictError` when somebody else was faster.
 */
export async function setVariable(name: string, value: unknown, options: SetVariableOptions = {}): Promise<number> {
  const { ifVersion, scope } = options;
  toJson(value, `The value of "${name}"`);
  const body = toJson(ifVersion === undefined ? { value } : { value, ifVersion: whole(ifVersion) }, "The variable");
  const query = scope === undefined ? "" : `?scope=${encodeURIComponent(scope)}`;
  const call = { method: "PUT", name: `variables/${encodeURIComponent(name)}${query}`, body } as const;
  const { version } = JSON.parse(await callRuntime(requireRun(), call)) as { version: number };
  return version;
}

/** Removes a variable; one that is not there is no error, unless `ifVersion` names a version. */
export async function deleteVariable(name: string, options: { ifVersion?: number } = {}): Promise<void> {
  const query = options.ifVersion === undefined ? "" : `?ifVersion=${whole(options.ifVersion)}`;
  await callRuntime(requireRun(), { method: "DELETE", name: `variables/${encodeURIComponent(name)}${query}` });
}

/** All variables whose name begins with `prefix`. */
export async function listVariables(prefix = ""): Promise<VariableItem[]> {
  const run = requireRun();
  const items: VariableItem[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ prefix, ...(cursor === null ? {} : { cursor }) });
    const text = await callRuntime(run, { method: "GET", name: `variables?${query.toString()}` });
    const page = JSON.parse(text) as { items: VariableItem[]; nextCursor: string | null };
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

function whole(ifVersion: number): number {
  if (!Number.isSafeInteger(ifVersion) || ifVersion < 0) {
    throw new InvalidValueError(`ifVersion is a whole number from 0, not ${String(ifVersion)}`);
  }
  return ifVersion;
}
