/** Schedules as they are stored, by the workspace's own Dispatcher. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { PauseReason, Schedule, ScheduleDefinition } from "@cronium/protocol";
import type { Backlog, PlanSpec } from "../../../domain/schedule/plan.ts";
import { jitterOf } from "@cronium/protocol/timing";
import { table } from "../rows.ts";
import type { Shell } from "../shell.ts";

export interface Pause {
  readonly reason: PauseReason;
  readonly message: string;
  readonly since: number;
  /** Null for good. */
  readonly until: number | null;
}

export interface ScheduleRecord {
  readonly id: string;
  readonly eventId: string;
  readonly definition: ScheduleDefinition;
  readonly version: number;
  /** What intervals count from where no start is named. */
  readonly anchorAt: number;
  /** All nominal times up to this are decided, but for those of a pause that lasts. */
  readonly cursor: number;
  readonly backlog: Backlog | null;
  readonly pause: Pause | null;
  readonly nextNominal: number | null;
  /** When the alarm looks at it next; null while it is paused for good, or when it has ended. */
  readonly nextFire: number | null;
  readonly failures: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
}

const schedules = table<ScheduleRecord>("schedules", ["id"], {
  id: "plain",
  eventId: "plain",
  definition: "json",
  version: "plain",
  anchorAt: "plain",
  cursor: "plain",
  backlog: "json",
  pause: "json",
  nextNominal: "plain",
  nextFire: "plain",
  failures: "plain",
  createdAt: "plain",
  updatedAt: "plain",
  deletedAt: "plain",
});

/** Null when there is none, or none any more. */
export function readSchedule(shell: Shell, scheduleId: string): ScheduleRecord | null {
  const row = shell.sql.exec("SELECT * FROM schedules WHERE id = ? AND deleted_at IS NULL", scheduleId).toArray()[0];
  return row === undefined ? null : schedules.read(row);
}

/** By id, which is the order in which they were made; `after` an id. */
export function readSchedules(
  shell: Shell,
  page: { readonly eventId?: string | undefined; readonly after: string; readonly limit: number },
): ScheduleRecord[] {
  const { eventId, after, limit } = page;
  const where = eventId === undefined ? "" : " AND event_id = ?3";
  return shell.sql
    .exec(
      `SELECT * FROM schedules WHERE deleted_at IS NULL AND id > ?1${where} ORDER BY id LIMIT ?2`,
      after,
      limit,
      ...(eventId === undefined ? [] : [eventId]),
    )
    .toArray()
    .map(schedules.read);
}

export function countSchedules(shell: Shell): number {
  return shell.sql.exec("SELECT count(*) AS count FROM schedules WHERE deleted_at IS NULL").one()["count"] as number;
}

/** Those that are due, the longest overdue first. */
export function readDue(shell: Shell, now: number, limit: number): ScheduleRecord[] {
  return shell.sql
    .exec(
      "SELECT * FROM schedules INDEXED BY schedules_due WHERE next_fire <= ? ORDER BY next_fire LIMIT ?",
      now,
      limit,
    )
    .toArray()
    .map(schedules.read);
}

/** Zones whose clocks decide when something is due. */
export function zonesInUse(shell: Shell): string[] {
  return shell.sql
    .exec(
      `SELECT DISTINCT definition->>'$.timezone' AS zone FROM schedules INDEXED BY schedules_due
       WHERE next_fire IS NOT NULL AND definition->>'$.timing.kind' = 'cron' AND definition->>'$.timezone' <> 'UTC'`,
    )
    .toArray()
    .map((row) => row["zone"] as string);
}

/** Patterns of a zone that have a next time, by id. */
export function readArmed(
  shell: Shell,
  { zone, after, limit }: { readonly zone: string; readonly after: string; readonly limit: number },
): ScheduleRecord[] {
  return shell.sql
    .exec(
      `SELECT * FROM schedules WHERE next_fire IS NOT NULL AND definition->>'$.timing.kind' = 'cron'
         AND definition->>'$.timezone' = ? AND id > ? ORDER BY id LIMIT ?`,
      zone,
      after,
      limit,
    )
    .toArray()
    .map(schedules.read);
}

/** When the next one is due; infinite when none is. */
export function scheduleDueAt(shell: Shell): number {
  const row =
    shell.shard === HOME_SHARD
      ? shell.sql.exec("SELECT min(next_fire) AS at FROM schedules WHERE next_fire IS NOT NULL").one()
      : null;
  return (row?.["at"] as number | null | undefined) ?? Number.POSITIVE_INFINITY;
}

export function insertSchedule(shell: Shell, record: ScheduleRecord): void {
  shell.sql.exec(schedules.insert, ...schedules.write(record));
}

export function saveSchedule(shell: Shell, before: ScheduleRecord, after: ScheduleRecord): void {
  const change = schedules.change(before, after);
  if (change !== null) {
    shell.sql.exec(change.query, ...change.values);
  }
}

export function planSpec({ id, definition, anchorAt }: ScheduleRecord): PlanSpec {
  return { definition, anchorAt, jitterMs: jitterOf(id, definition.jitterMs) };
}

const isoOrNull = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export function viewSchedule(shell: Shell, record: ScheduleRecord): Schedule {
  const { id, eventId, definition, version, pause, nextNominal, failures, createdAt, updatedAt } = record;
  const event = shell.sql.exec("SELECT name FROM events WHERE id = ?", eventId).toArray()[0];
  const next = pause === null ? nextNominal : null;
  return {
    ...definition,
    id,
    eventId,
    eventName: (event?.["name"] as string | undefined) ?? "",
    version,
    state: pause !== null ? "paused" : nextNominal === null && record.nextFire === null ? "ended" : "active",
    pause:
      pause === null
        ? null
        : {
            reason: pause.reason,
            message: pause.message,
            since: new Date(pause.since).toISOString(),
            until: isoOrNull(pause.until),
          },
    failuresInRow: failures,
    nextAt: isoOrNull(next),
    nextDueAt: isoOrNull(next === null ? null : next + jitterOf(id, definition.jitterMs)),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

/** Writes down what the schedule says from now on. */
export function writeHistory(
  shell: Shell,
  record: ScheduleRecord,
  at: number,
  what: "active" | "paused" | "deleted",
  message: string | null = null,
): void {
  shell.sql.exec(
    `INSERT INTO schedule_history (schedule_id, at, n, what, message, definition, anchor_at)
     SELECT ?1, ?2, count(*), ?3, ?4, ?5, ?6 FROM schedule_history WHERE schedule_id = ?1`,
    record.id,
    at,
    what,
    message,
    JSON.stringify(record.definition),
    record.anchorAt,
  );
}
