/**
 * The Cronium runtime API for scripts in JavaScript and TypeScript.
 *
 *     import { input, output } from "@cronium/sdk";
 *     const { name } = await input<{ name: string }>();
 *     await output({ greeting: `Hello ${name}` });
 *
 * Inside a run these functions talk to the sidecar beside the job. Outside a run, set CRONIUM_INPUT to a JSON value to
 * try a script: `CRONIUM_INPUT='{"name":"Ada"}' node main.ts`. Every failure is a `CroniumError` with a stable `code`.
 * No call takes longer than 40 seconds.
 */
import { InvalidJsonError, NotFoundError, NotInRunError, OutputTooLargeError } from "./errors.ts";
import { callRuntime } from "./transport.ts";

export {
  ApiTimeoutError,
  ApiUnreachableError,
  AttemptNotActiveError,
  CroniumError,
  InvalidJsonError,
  InvalidTokenError,
  NotFoundError,
  NotInRunError,
  OutputTooLargeError,
  SecretNotFoundError,
} from "./errors.ts";

/** What this run is. */
export interface RunContext {
  runId: string;
  /** Counts from 1. */
  attempt: number;
  /** `null` for a run without a stored event. */
  eventId: string | null;
  eventName: string;
  eventVersion: number | null;
  workspaceId: string;
  /** What started the run, for example `manual`, `api` or `schedule`. */
  trigger: string;
  runnerName: string;
  /** ISO 8601 in UTC. */
  queuedAt: string;
  /** ISO 8601 in UTC. */
  startedAt: string;
  timeoutMs: number;
  memoryMb: number;
}

const MAX_OUTPUT_BYTES = 1_048_576;

/**
 * The input of this run: any JSON value, `null` when there is none. The type parameter is taken on trust; check a
 * value that comes from outside.
 */
export async function input<Value = unknown>(): Promise<Value> {
  const run = currentRun();
  if (run === undefined) {
    return localInput() as Value;
  }
  const path = `/v1/executions/${encodeURIComponent(run.id)}/input`;
  return JSON.parse(await callRuntime({ method: "GET", path, token: run.token })) as Value;
}

/**
 * Sets the result of this run: any JSON value up to 1 MiB. The last call counts. The value is stored on the runner's
 * disk when the promise resolves.
 */
export async function output(value: unknown): Promise<void> {
  const body = toJson(value);
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_OUTPUT_BYTES) {
    throw new OutputTooLargeError(
      `The output is ${bytes} bytes of JSON; the most is ${MAX_OUTPUT_BYTES}. Write large data to a mount.`,
    );
  }
  const run = currentRun();
  if (run === undefined) {
    localInput();
    process.stderr.write(`cronium output: ${body}\n`);
    return;
  }
  const path = `/v1/executions/${encodeURIComponent(run.id)}/output`;
  await callRuntime({ method: "POST", path, token: run.token, body });
}

/**
 * The value of a secret that the event names; rejects with `SecretNotFoundError` for any other. Outside a run it is the
 * environment variable of that name.
 */
export async function secret(name: string): Promise<string> {
  const run = currentRun();
  if (run === undefined) {
    const value = process.env[name];
    if (value === undefined) {
      throw notInRun(`give it the secret: ${name}=value node main.ts`);
    }
    return value;
  }
  const path = `/v1/executions/${encodeURIComponent(run.id)}/secrets/${encodeURIComponent(name)}`;
  return JSON.parse(await callRuntime({ method: "GET", path, token: run.token })) as string;
}

/**
 * The value of a variable of the event or the workspace: any JSON value. Where there is none, `fallback`, or it rejects
 * with `NotFoundError` without one. The value is the one of the moment the run was handed to its runner. Outside a run it
 * is the environment variable of that name, as JSON where it is JSON, and as text otherwise. The type parameter is taken
 * on trust.
 */
export async function getVariable<Value = unknown>(name: string, ...fallback: [Value?]): Promise<Value> {
  const run = currentRun();
  if (run === undefined) {
    return localVariable(name, fallback) as Value;
  }
  const path = `/v1/executions/${encodeURIComponent(run.id)}/variables/${encodeURIComponent(name)}`;
  try {
    return JSON.parse(await callRuntime({ method: "GET", path, token: run.token })) as Value;
  } catch (error) {
    if (error instanceof NotFoundError && fallback.length > 0) {
      return fallback[0] as Value;
    }
    throw error;
  }
}

function localVariable(name: string, fallback: readonly unknown[]): unknown {
  const text = process.env[name];
  if (text === undefined) {
    if (fallback.length === 0) {
      throw notInRun(`give it the variable: ${name}=value node main.ts`);
    }
    return fallback[0];
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What this run is. */
export async function context(): Promise<RunContext> {
  const run = currentRun();
  if (run === undefined) {
    localInput();
    return localContext();
  }
  const path = `/v1/executions/${encodeURIComponent(run.id)}/context`;
  return JSON.parse(await callRuntime({ method: "GET", path, token: run.token })) as RunContext;
}

/** Unlike JSON.stringify alone this refuses NaN and Infinity, which would silently become null. */
function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (key, part: unknown) => {
      if (typeof part === "number" && !Number.isFinite(part)) {
        throw new TypeError(`${part} at ${key === "" ? "the top" : `"${key}"`} is not a JSON number`);
      }
      return part;
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidJsonError(`The output cannot be written as JSON: ${reason}`, { cause });
  }
  if (text === undefined) {
    throw new InvalidJsonError(`The output cannot be written as JSON: it is ${typeof value}`);
  }
  return text;
}

function currentRun(): { readonly id: string; readonly token: string } | undefined {
  const id = process.env["CRONIUM_RUN_ID"];
  const token = process.env["CRONIUM_TOKEN"];
  return id && token ? { id, token } : undefined;
}

function localInput(): unknown {
  const text = process.env["CRONIUM_INPUT"];
  if (text === undefined) {
    throw notInRun(`give it an input: CRONIUM_INPUT='{"name":"value"}' node main.ts`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidJsonError(`CRONIUM_INPUT is not JSON: ${reason}`, { cause });
  }
}

function notInRun(what: string): NotInRunError {
  return new NotInRunError(
    `This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). To try it here, ${what}`,
  );
}

function localContext(): RunContext {
  const now = new Date().toISOString();
  return {
    runId: "local",
    attempt: 1,
    eventId: null,
    eventName: "local",
    eventVersion: null,
    workspaceId: "local",
    trigger: "manual",
    runnerName: "local",
    queuedAt: now,
    startedAt: now,
    timeoutMs: 3_600_000,
    memoryMb: 512,
  };
}
