/**
 * The Cronium runtime API for scripts in JavaScript and TypeScript.
 *
 *     import { input, output } from "@cronium/sdk";
 *     const { name } = await input<{ name: string }>();
 *     await output({ greeting: `Hello ${name}` });
 *
 * Inside a run these functions talk to the sidecar beside the job. Outside a run, set CRONIUM_INPUT to a JSON value to
 * try a script: `CRONIUM_INPUT='{"name":"Ada"}' node main.ts`, or use `cronium dev run main.ts`. Every failure is a
 * `CroniumError` with a stable `code`. No call takes longer than a minute, but `lock` for as long as it is told to wait.
 */
import { InvalidValueError, OutputTooLargeError } from "./errors.ts";
import { currentRun, localInput, localSecret, requireRun, showLocally, toJson } from "./run.ts";
import { callRuntime } from "./transport.ts";

export {
  type Artifact,
  listArtifacts,
  loadArtifact,
  readArtifact,
  saveArtifact,
  type SaveArtifactOptions,
} from "./artifacts.ts";
export {
  ApiTimeoutError,
  ApiUnreachableError,
  ArtifactExistsError,
  ArtifactTooLargeError,
  AttemptNotActiveError,
  BodyTooLargeError,
  ChecksumMismatchError,
  CroniumError,
  InvalidJsonError,
  InvalidNameError,
  InvalidTokenError,
  InvalidValueError,
  LockedError,
  LockLostError,
  NotAvailableError,
  NotFoundError,
  NotInRunError,
  OutputTooLargeError,
  RateLimitedError,
  SecretNotFoundError,
  UnknownActionError,
  VersionConflictError,
} from "./errors.ts";
export { lock, type LockOptions } from "./lock.ts";
export {
  deleteVariable,
  getVariable,
  getVariableWithVersion,
  listVariables,
  setVariable,
  type SetVariableOptions,
  type VariableItem,
} from "./variables.ts";

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
  return JSON.parse(await callRuntime(run, { method: "GET", name: "input" })) as Value;
}

/**
 * Sets the result of this run: any JSON value up to 1 MiB. The last call counts. The value is stored on the runner's
 * disk when the promise resolves.
 */
export async function output(value: unknown): Promise<void> {
  const body = toJson(value, "The output");
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_OUTPUT_BYTES) {
    throw new OutputTooLargeError(
      `The output is ${bytes} bytes of JSON; the most is ${MAX_OUTPUT_BYTES}. Save large data as an artifact.`,
    );
  }
  await tell("output", body, body);
}

/**
 * The value of a secret that the event names; rejects with `SecretNotFoundError` for any other. Outside a run it is the
 * environment variable of that name.
 */
export async function secret(name: string): Promise<string> {
  const run = currentRun();
  if (run === undefined) {
    return localSecret(name);
  }
  return JSON.parse(await callRuntime(run, { method: "GET", name: `secrets/${encodeURIComponent(name)}` })) as string;
}

/** What this run is. */
export async function context(): Promise<RunContext> {
  const run = currentRun();
  if (run === undefined) {
    localInput();
    return localContext();
  }
  return JSON.parse(await callRuntime(run, { method: "GET", name: "context" })) as RunContext;
}

/** The verdict of this run, shown on it and seen by what follows it. The last call counts. */
export async function setCondition(value: boolean): Promise<void> {
  if (typeof value !== "boolean") {
    throw new InvalidValueError(`A condition is true or false, not ${String(value)}`);
  }
  await tell("condition", toJson({ value }, "The condition"), String(value));
}

/**
 * Has the control plane perform an action, with any JSON value, and resolves with its result. Rejects with
 * `UnknownActionError`. The action `echo` gives back what it is given.
 */
export async function toolAction<Value = unknown>(name: string, params: unknown = null): Promise<Value> {
  const body = toJson({ params }, `What "${name}" is given`);
  const call = { method: "POST", name: `tool-actions/${encodeURIComponent(name)}`, body } as const;
  return (JSON.parse(await callRuntime(requireRun(), call)) as { result: Value }).result;
}

/** How far this run is, from 0 to 1 or `null`, with a line about what it does. */
export async function progress(fraction: number | null, message: string | null = null): Promise<void> {
  if (fraction !== null && !(typeof fraction === "number" && fraction >= 0 && fraction <= 1)) {
    throw new InvalidValueError(`Progress is a number from 0 to 1 or null, not ${String(fraction)}`);
  }
  const body = toJson({ fraction, message }, "The progress");
  await tell("progress", body, body);
}

/** Gives this run a name, which lists show beside its event's. */
export async function setRunName(name: string): Promise<void> {
  await tell("name", toJson({ name }, "The name"), name);
}

/**
 * Runs a function whose output is one group of the log, which a viewer may fold; resolves with what it does. Lines
 * `##[group]title` and `##[endgroup]` on stdout say so: plain text, never a command.
 */
export async function logGroup<Value>(title: string, work: () => Value | Promise<Value>): Promise<Value> {
  process.stdout.write(`##[group]${title.split(/\s+/).filter(Boolean).join(" ")}\n`);
  try {
    return await work();
  } finally {
    process.stdout.write("##[endgroup]\n");
  }
}

/** Outside a run it is shown on stderr instead. */
async function tell(name: string, body: string, shown: string): Promise<void> {
  const run = currentRun();
  if (run === undefined) {
    showLocally(name, shown);
  } else {
    await callRuntime(run, { method: "POST", name, body });
  }
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
