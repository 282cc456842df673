/** The Dispatcher's rows as those see them who look from outside, without the Dispatcher's own readers. */
import type { AttemptState, RunState } from "@cronium/protocol/run-states";
import type { SimStorage } from "./storage.ts";

export interface RunRow {
  readonly id: string;
  readonly state: RunState;
  readonly attempt: number;
  readonly offered: number;
  readonly queue_reason: string | null;
  readonly fail_reason: string | null;
  readonly cancel_reason: string | null;
  readonly message: string | null;
  readonly max_attempts: number;
  readonly starts: number;
  readonly requeues: number;
  readonly on_lost: string;
  readonly rev: number;
  readonly runner_id: string | null;
}

export interface AttemptRow {
  readonly run_id: string;
  readonly attempt: number;
  readonly state: AttemptState;
  readonly runner_id: string;
  readonly epoch: string;
  readonly outcome: string | null;
  readonly result_digest: string | null;
  readonly accepted_at: number | null;
}

export interface Snapshot {
  readonly runs: ReadonlyMap<string, RunRow>;
  /** By `run/attempt`. */
  readonly attempts: ReadonlyMap<string, AttemptRow>;
}

export function isRevoked(storage: SimStorage, runnerId: string): boolean {
  return storage.read("SELECT id FROM runners WHERE revoked_at IS NOT NULL").some(({ id }) => id === runnerId);
}

export function keyOf(runId: string, attempt: number): string {
  return `${runId}/${attempt}`;
}

const ATTEMPTS = "SELECT * FROM attempts ORDER BY run_id, attempt";

export function readSnapshot(storage: SimStorage): Snapshot {
  const runs = storage.read("SELECT * FROM runs ORDER BY n") as unknown as RunRow[];
  const attempts = storage.read(ATTEMPTS) as unknown as AttemptRow[];
  return {
    runs: new Map(runs.map((run) => [run.id, run])),
    attempts: new Map(attempts.map((one) => [keyOf(one.run_id, one.attempt), one])),
  };
}
