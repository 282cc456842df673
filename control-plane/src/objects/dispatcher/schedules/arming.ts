/** When a schedule is looked at next. */
import { planDue, type Backlog } from "../../../domain/schedule/plan.ts";
import { wakeBy, type Turn } from "../shell.ts";
import { planSpec, type ScheduleRecord } from "./rows.ts";

/** With its next time, and the alarm set for that. */
export function armed(turn: Turn, record: ScheduleRecord): ScheduleRecord {
  const { next } = planDue(planSpec(record), { cursor: record.cursor, backlog: null }, Number.NEGATIVE_INFINITY, 1);
  const { pause } = record;
  const nextFire = pause === null ? (next?.dueAt ?? null) : next === null ? null : pause.until;
  if (nextFire !== null) {
    wakeBy(turn, nextFire);
  }
  return { ...record, nextNominal: next?.nominalAt ?? null, nextFire };
}

/** As it goes on after a pause, with what becomes of the times that passed. */
export function resumed(turn: Turn, old: ScheduleRecord, backlog: Backlog): ScheduleRecord {
  return armed(turn, { ...old, pause: null, backlog, failures: 0, updatedAt: turn.now });
}
