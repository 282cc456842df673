/** Runs in the Dispatcher's storage, as they are read, and what is kept apart from them; `runs.ts` writes them. */
import type { EventDefinition, Json } from "@cronium/protocol";
import type { RunRecord } from "../../domain/run.ts";
import type { RunState } from "../../domain/run-step.ts";
import { table } from "./rows.ts";
import type { Shell } from "./shell.ts";
import { readAttempt } from "./attempts.ts";

export const runs = table<RunRecord>("runs", ["id"], {
  id: "plain",
  eventId: "plain",
  eventName: "plain",
  eventVersion: "plain",
  trigger: "plain",
  runtime: "plain",
  labels: "json",
  timeoutMs: "plain",
  memoryMb: "plain",
  maxAttempts: "plain",
  scriptRetries: "plain",
  onLost: "plain",
  state: "plain",
  queueReason: "plain",
  skipReason: "plain",
  failReason: "plain",
  cancelReason: "plain",
  expireReason: "plain",
  message: "plain",
  attempt: "plain",
  offered: "flag",
  exitCode: "plain",
  signal: "plain",
  runnerId: "plain",
  runnerName: "plain",
  queuedAt: "plain",
  startedAt: "plain",
  finishedAt: "plain",
  notBefore: "plain",
  cancelRequestedAt: "plain",
  infraFailures: "plain",
  scriptFailures: "plain",
  starts: "plain",
  logState: "plain",
  logBytes: "plain",
  queue: "plain",
  priority: "plain",
  lane: "plain",
  gate: "plain",
  concurrencyKey: "plain",
  holds: "flag",
  expiresAt: "plain",
  retryOf: "plain",
  requeues: "plain",
  wishes: "json",
  origin: "json",
  notes: "json",
  chained: "json",
  rev: "plain",
});

export function readRun(shell: Shell, runId: string): RunRecord | null {
  const known = shell.recent.get(runId);
  if (known !== undefined) {
    return known.run;
  }
  const row = shell.sql.exec("SELECT * FROM runs WHERE id = ?", runId).toArray()[0];
  return row === undefined ? null : runs.read(row);
}

/** With the attempt named, or the newest one. Null when there is no such run. */
export function readState(shell: Shell, runId: string, attempt?: number): RunState | null {
  const known = shell.recent.get(runId);
  if (known !== undefined && (attempt ?? known.run.attempt) === known.attempt.attempt) {
    return known;
  }
  const run = readRun(shell, runId);
  return run === null ? null : { run, attempt: readAttempt(shell, runId, attempt ?? run.attempt) };
}

/** The definition of an ad-hoc run; null when the run is not here any more, or ran an event. */
export function readOwnDefinition(shell: Shell, runId: string): EventDefinition | null {
  const row = shell.sql.exec("SELECT definition FROM payloads WHERE run_id = ?", runId).toArray()[0];
  const text = row?.["definition"] ?? null;
  // One that was stored before these fields existed has their defaults.
  const defaults: Pick<EventDefinition, "secrets" | "secretEnv"> = { secrets: [], secretEnv: [] };
  return text === null
    ? null
    : { ...defaults, ...(JSON.parse(text as string) as Omit<EventDefinition, keyof typeof defaults>) };
}

export function writeInput(shell: Shell, runId: string, input: Json): void {
  shell.sql.exec("UPDATE payloads SET input = ? WHERE run_id = ?", JSON.stringify(input), runId);
}
