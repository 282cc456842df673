/** What people do to schedules: each with its entry in the audit, in the same turn. */
import type { Schedule, ScheduleDefinition } from "@cronium/protocol";
import { abridged, difference } from "../../../auth/abridged.ts";
import { overCount } from "../../../domain/count-quota.ts";
import type { DispatcherApi, Outcome, Refusal } from "../../../domain/dispatcher.ts";
import { nameOf, sentenceOf, timingProblem } from "../../../domain/schedule/check.ts";
import { writeAudit } from "../audit.ts";
import { readEvent } from "../events.ts";
import type { Shell, Turn } from "../shell.ts";
import { armed, resumed } from "./arming.ts";
import { dropHeld, fire } from "./fire.ts";
import {
  countSchedules,
  insertSchedule,
  readSchedule,
  saveSchedule,
  viewSchedule,
  writeHistory,
  type ScheduleRecord,
} from "./rows.ts";

type Command<K extends keyof DispatcherApi> = DispatcherApi[K] extends (command: infer C) => unknown ? C : never;

function unknown(scheduleId: string): Refusal {
  return { ok: false, code: "not_found", message: `There is no schedule ${scheduleId}.` };
}

function refuseTiming(definition: ScheduleDefinition, now: number): Refusal | null {
  const problem = timingProblem(definition, now);
  return problem === null ? null : { ok: false, code: problem.code, message: sentenceOf(problem), errors: [problem] };
}

export function createSchedule(
  shell: Shell,
  turn: Turn,
  { scheduleId, schedule, by }: Command<"createSchedule">,
): Outcome<Schedule> {
  const existing = readSchedule(shell, scheduleId);
  if (existing !== null) {
    return { ok: true, value: viewSchedule(shell, existing) };
  }
  const { eventId, enabled, name, ...rest } = schedule;
  if (readEvent(shell, eventId) === null) {
    const message = `There is no event ${eventId}.`;
    return { ok: false, code: "not_found", message, errors: [{ pointer: "/eventId", code: "not_found", message }] };
  }
  const definition: ScheduleDefinition = { ...rest, name: name ?? nameOf(rest) };
  const refusal = overCount("schedules", countSchedules(shell)) ?? refuseTiming(definition, turn.now);
  if (refusal !== null) {
    return refusal;
  }
  const record = armed(turn, {
    id: scheduleId,
    eventId,
    definition,
    version: 1,
    anchorAt: turn.now,
    cursor: turn.now,
    backlog: null,
    pause: enabled ? null : { reason: "user", message: "It was made so.", since: turn.now, until: null },
    nextNominal: null,
    nextFire: null,
    failures: 0,
    createdAt: turn.now,
    updatedAt: turn.now,
    deletedAt: null,
  });
  insertSchedule(shell, record);
  writeHistory(shell, record, turn.now, enabled ? "active" : "paused", record.pause?.message ?? null);
  const after = { eventId, ...definition, input: abridged(definition.input), enabled };
  writeAudit(shell, turn, by, { verb: "schedule.created", target: scheduleId, after: abridged(after) });
  return { ok: true, value: viewSchedule(shell, record) };
}

export function updateSchedule(
  shell: Shell,
  turn: Turn,
  { scheduleId, change, ifVersion, by }: Command<"updateSchedule">,
): Outcome<Schedule> {
  const found = current(shell, turn, scheduleId, ifVersion, true);
  if (!found.ok) {
    return found;
  }
  const old = found.value;
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const definition = { ...old.definition, ...given } as ScheduleDefinition;
  const timed = ["timing", "timezone", "startAt", "endAt"].some((key) => key in given);
  const refusal = timed ? refuseTiming(definition, turn.now) : null;
  if (refusal !== null) {
    return refusal;
  }
  const changed = difference(old.definition, definition);
  if (changed === null) {
    return { ok: true, value: viewSchedule(shell, old) };
  }
  const isRetimed = JSON.stringify(old.definition.timing) !== JSON.stringify(definition.timing);
  const record = armed(turn, {
    ...old,
    definition,
    version: old.version + 1,
    anchorAt: isRetimed ? turn.now : old.anchorAt,
    // What was due is decided by now (`current`); a time of the past that only the new pattern names is none of its.
    cursor: old.pause === null ? Math.max(old.cursor, turn.now) : old.cursor,
    updatedAt: turn.now,
  });
  saveSchedule(shell, old, record);
  writeHistory(shell, record, turn.now, record.pause === null ? "active" : "paused", record.pause?.message ?? null);
  writeAudit(shell, turn, by, { verb: "schedule.changed", target: scheduleId, ...changed });
  return { ok: true, value: viewSchedule(shell, record) };
}

export function deleteSchedule(
  shell: Shell,
  turn: Turn,
  { scheduleId, ifVersion, by }: Command<"deleteSchedule">,
): Outcome<null> {
  const found = current(shell, turn, scheduleId, ifVersion);
  if (!found.ok) {
    return found;
  }
  const old = found.value;
  dropHeld(shell, turn, old, "The schedule was deleted before the run before it had ended.");
  const record = { ...old, deletedAt: turn.now, nextFire: null, nextNominal: null };
  saveSchedule(shell, old, record);
  shell.sql.exec("UPDATE backfills SET due_at = NULL WHERE schedule_id = ?", scheduleId);
  writeHistory(shell, record, turn.now, "deleted");
  const before = { eventId: old.eventId, name: old.definition.name };
  writeAudit(shell, turn, by, { verb: "schedule.deleted", target: scheduleId, before });
  return { ok: true, value: null };
}

export function pauseSchedule(
  shell: Shell,
  turn: Turn,
  { scheduleId, pause: { until, note }, by }: Command<"pauseSchedule">,
): Outcome<Schedule> {
  const found = current(shell, turn, scheduleId, null);
  if (!found.ok) {
    return found;
  }
  const old = found.value;
  const end = until === undefined ? null : Date.parse(until);
  if (end !== null && (end <= turn.now || end > turn.now + 31_622_400_000)) {
    const message = "must lie ahead, by 366 days at most";
    return {
      ok: false,
      code: "out_of_range",
      message: `/until ${message}.`,
      errors: [{ pointer: "/until", code: "out_of_range", message }],
    };
  }
  const message = note === "" ? "Somebody paused it." : note;
  const since = old.pause?.since ?? turn.now;
  const record = armed(turn, {
    ...old,
    pause: { reason: end === null ? "user" : "until", message, since, until: end },
    updatedAt: turn.now,
  });
  saveSchedule(shell, old, record);
  writeHistory(shell, record, turn.now, "paused", message);
  writeAudit(shell, turn, by, { verb: "schedule.paused", target: scheduleId, after: { until: until ?? null, note } });
  return { ok: true, value: viewSchedule(shell, record) };
}

export function resumeSchedule(
  shell: Shell,
  turn: Turn,
  { scheduleId, resume: { catchUp, max }, by }: Command<"resumeSchedule">,
): Outcome<Schedule> {
  const found = current(shell, turn, scheduleId, null);
  if (!found.ok) {
    return found;
  }
  const old = found.value;
  if (old.pause === null) {
    return { ok: true, value: viewSchedule(shell, old) };
  }
  const record = resumed(turn, old, { until: turn.now, mode: catchUp, max });
  saveSchedule(shell, old, record);
  writeHistory(shell, record, turn.now, "active");
  writeAudit(shell, turn, by, { verb: "schedule.resumed", target: scheduleId, after: { catchUp } });
  // What was missed is decided in this very turn, as far as it fits into one; so the answer shows what comes next.
  fire(shell, turn, record);
  return { ok: true, value: viewSchedule(shell, readSchedule(shell, scheduleId) ?? record) };
}

/** The schedule with everything decided that is due by what it says still; `early`: also what only its jitter puts off. */
function current(
  shell: Shell,
  turn: Turn,
  scheduleId: string,
  ifVersion: number | null,
  early = false,
): Outcome<ScheduleRecord> {
  const record = readSchedule(shell, scheduleId);
  if (record === null) {
    return unknown(scheduleId);
  }
  if (ifVersion !== null && ifVersion !== record.version) {
    const message = `The schedule is at version ${record.version}, and the change is based on version ${ifVersion}.`;
    return { ok: false, code: "version_conflict", message };
  }
  const dueAt = early && record.pause === null ? record.nextNominal : record.nextFire;
  if (dueAt !== null && dueAt <= turn.now) {
    fire(shell, turn, record, { early });
  }
  return { ok: true, value: readSchedule(shell, scheduleId) ?? record };
}
