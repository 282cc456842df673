/** Runs that wait, as the pump looks at them. Every query names the index that keeps it from walking past others. */
import type { RunRecord } from "../../domain/run.ts";
import { expire } from "../../domain/run-queue.ts";
import { withRev } from "../../domain/run-machine.ts";
import { joinLane } from "./lanes.ts";
import { runs } from "./run-rows.ts";
import { saveStep } from "./runs.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";

/** Runs whose time has come that one turn lets through; the alarm comes back for the rest. */
const RELEASE_BATCH = 500;

/** The next runs of a lane that may be offered, in order of arrival. */
export function readReady(shell: Shell, lane: number, limit: number): RunRecord[] {
  return shell.sql
    .exec(
      `SELECT * FROM runs INDEXED BY runs_lane
       WHERE state = 'queued' AND lane = ? AND offered = 0 AND gate = '' ORDER BY n LIMIT ?`,
      lane,
      limit,
    )
    .toArray()
    .map(runs.read);
}

/** Ready runs of a lane that have no reason yet, or only that of a wait which is over. */
export function readUnexplained(shell: Shell, lane: number, limit: number): RunRecord[] {
  return shell.sql
    .exec(
      `SELECT * FROM runs INDEXED BY runs_unexplained
       WHERE state = 'queued' AND offered = 0 AND gate = ''
         AND coalesce(queue_reason, 'delayed') IN ('delayed', 'debounced', 'retry_backoff')
         AND lane = ? ORDER BY n LIMIT ?`,
      lane,
      limit,
    )
    .toArray()
    .map(runs.read);
}

/** Ready runs of a lane behind the one with this number, and the number of the last of them. */
export function readReadyAfter(
  shell: Shell,
  lane: number,
  after: number,
  limit: number,
): { readonly runs: RunRecord[]; readonly last: number } {
  const rows = shell.sql
    .exec(
      `SELECT * FROM runs INDEXED BY runs_lane
       WHERE state = 'queued' AND lane = ? AND offered = 0 AND gate = '' AND n > ? ORDER BY n LIMIT ?`,
      lane,
      after,
      limit,
    )
    .toArray();
  return { runs: rows.map(runs.read), last: (rows.at(-1)?.["n"] ?? after) as number };
}

/** When the next run's time comes, or it expires; infinite when none waits for either. */
export function readDueAt(shell: Shell): number {
  const { at } = shell.sql
    .exec(
      `SELECT min(coalesce(time, expiry), coalesce(expiry, time)) AS at FROM (
         SELECT (SELECT min(not_before) FROM runs INDEXED BY runs_due WHERE state = 'queued' AND gate = 'time') AS time,
                (SELECT min(expires_at) FROM runs INDEXED BY runs_expiry
                 WHERE state = 'queued' AND offered = 0 AND starts = 0 AND expires_at IS NOT NULL) AS expiry)`,
    )
    .one();
  return (at as number | null) ?? Number.POSITIVE_INFINITY;
}

/** Opens the gate of runs whose time has come. */
export function releaseDue(shell: Shell, turn: Turn): void {
  const due = shell.sql
    .exec(
      `UPDATE runs SET gate = '' WHERE n IN (
         SELECT n FROM runs INDEXED BY runs_due
         WHERE state = 'queued' AND gate = 'time' AND not_before <= ? ORDER BY not_before LIMIT ?)
       RETURNING *`,
      turn.now,
      RELEASE_BATCH,
    )
    .toArray()
    .map(runs.read);
  for (const run of due) {
    if (!run.offered) {
      joinLane(shell, run, turn.now);
    }
  }
  if (due.length === RELEASE_BATCH) {
    wakeBy(turn, turn.now + 1);
  }
}

/** Ends runs that have waited for their first start longer than their event allows. */
export function expireDue(shell: Shell, turn: Turn): void {
  const due = shell.sql
    .exec(
      `SELECT * FROM runs INDEXED BY runs_expiry
       WHERE state = 'queued' AND offered = 0 AND starts = 0 AND expires_at IS NOT NULL AND expires_at <= ?
       ORDER BY expires_at LIMIT ?`,
      turn.now,
      RELEASE_BATCH,
    )
    .toArray()
    .map(runs.read);
  for (const run of due) {
    const state = { run, attempt: null };
    const step = expire(state, turn.now);
    if (step !== null) {
      saveStep(shell, turn, state, withRev(state, step));
    }
  }
  if (due.length === RELEASE_BATCH) {
    wakeBy(turn, turn.now + 1);
  }
}

/** After a change of the event's key: as many of each value as have become free, or all when there is no limit. */
export function unparkEvent(shell: Shell, eventId: string, limit: number | null): void {
  shell.sql.exec(
    `UPDATE runs SET gate = '' WHERE n IN (
       SELECT n FROM (
         SELECT n, row_number() OVER (PARTITION BY concurrency_key ORDER BY priority DESC, n) AS place
         FROM runs INDEXED BY runs_parked WHERE state = 'queued' AND gate = 'key' AND event_id = ?1)
       WHERE ?2 IS NULL OR place <= ?2)`,
    eventId,
    limit,
  );
}
