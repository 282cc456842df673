/** Attempts in the Dispatcher's storage, as they are read; `saveStep` of `runs.ts` writes them. */
import type { AttemptRecord } from "../../domain/run.ts";
import { LIVE } from "./places.ts";
import { table } from "./rows.ts";
import type { Shell } from "./shell.ts";

export const attempts = table<AttemptRecord>("attempts", ["runId", "attempt"], {
  runId: "plain",
  attempt: "plain",
  state: "plain",
  failReason: "plain",
  message: "plain",
  runnerId: "plain",
  runnerName: "plain",
  epoch: "plain",
  deadlineAt: "plain",
  exitCode: "plain",
  signal: "plain",
  late: "flag",
  outcome: "plain",
  resultDigest: "plain",
  offeredAt: "plain",
  acceptedAt: "plain",
  startedAt: "plain",
  exitedAt: "plain",
  finishedAt: "plain",
});

export function readAttempt(shell: Shell, runId: string, attempt: number): AttemptRecord | null {
  const row = shell.sql.exec("SELECT * FROM attempts WHERE run_id = ? AND attempt = ?", runId, attempt).toArray()[0];
  return row === undefined ? null : attempts.read(row);
}

/** Live attempts of a runner, oldest first. */
export function readLiveAttempts(shell: Shell, runnerId: string): AttemptRecord[] {
  return shell.sql
    .exec(`SELECT * FROM attempts WHERE runner_id = ? AND ${LIVE} ORDER BY run_id`, runnerId)
    .toArray()
    .map(attempts.read);
}

/** Lost attempts of runs that wait for this runner to return. */
export function readWaitingOn(shell: Shell, runnerId: string): AttemptRecord[] {
  return shell.sql
    .exec(
      `SELECT a.* FROM runs r JOIN attempts a ON a.run_id = r.id AND a.attempt = r.attempt
       WHERE r.state = 'waiting' AND r.runner_id = ?`,
      runnerId,
    )
    .toArray()
    .map(attempts.read);
}

/** Live attempts whose deadline has passed. */
export function readOverdue(shell: Shell, now: number, limit: number): AttemptRecord[] {
  return shell.sql
    .exec(
      `SELECT * FROM attempts INDEXED BY attempts_deadline
       WHERE ${LIVE} AND deadline_at <= ? ORDER BY deadline_at LIMIT ?`,
      now,
      limit,
    )
    .toArray()
    .map(attempts.read);
}
