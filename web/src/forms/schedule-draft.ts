/** A schedule as its form holds it: text as typed, until it is checked and sent. */
import type { CreateSchedule, UpdateSchedule } from "@cronium/protocol/api/schedules";
import type { Schedule } from "@cronium/protocol/schedule";
import { zoneProblem } from "@cronium/protocol/zone";
import { durationText, parseDuration } from "../lib/duration.ts";
import { t } from "../lib/text.ts";
import { viewerZone } from "../lib/time.ts";
import { momentOf, wallTime } from "../lib/wall-time.ts";

export interface BlackoutDraft {
  readonly kind: "days" | "times";
  /** A day, or what clocks of the schedule's zone show. */
  readonly from: string;
  readonly until: string;
  readonly note: string;
}

export interface ScheduleDraft {
  /** Empty: what its timing says. */
  readonly name: string;
  readonly kind: Schedule["timing"]["kind"];
  readonly pattern: string;
  readonly every: string;
  /** Times are what clocks of the schedule's zone show; empty for none. */
  readonly at: string;
  readonly timezone: string;
  readonly startAt: string;
  readonly endAt: string;
  readonly jitter: string;
  readonly overlap: Schedule["overlap"];
  readonly catchUp: Schedule["catchUp"]["mode"];
  readonly catchUpMax: string;
  readonly catchUpWindow: string;
  readonly blackouts: readonly BlackoutDraft[];
  /** JSON; empty for the event's default. */
  readonly input: string;
  /** Empty for never. */
  readonly pauseAfter: string;
}

export function newScheduleDraft(): ScheduleDraft {
  return {
    name: "",
    kind: "cron",
    pattern: "0 3 * * *",
    every: "15 min",
    at: "",
    timezone: viewerZone(),
    startAt: "",
    endAt: "",
    jitter: "0 s",
    overlap: "skip",
    catchUp: "latest",
    catchUpMax: "10",
    catchUpWindow: "1 h",
    blackouts: [],
    input: "",
    pauseAfter: "",
  };
}

export function scheduleDraft(schedule: Schedule): ScheduleDraft {
  const { timing, timezone, catchUp } = schedule;
  const from = newScheduleDraft();
  return {
    name: schedule.name,
    kind: timing.kind,
    pattern: timing.kind === "cron" ? timing.pattern : from.pattern,
    every: timing.kind === "interval" ? durationText(timing.everyMs) : from.every,
    at: timing.kind === "once" ? wallTime(timing.at, timezone) : "",
    timezone,
    startAt: wallTime(schedule.startAt, timezone),
    endAt: wallTime(schedule.endAt, timezone),
    jitter: durationText(schedule.jitterMs),
    overlap: schedule.overlap,
    catchUp: catchUp.mode,
    catchUpMax: String(catchUp.max),
    catchUpWindow: durationText(catchUp.windowMs),
    blackouts: schedule.blackouts.map(({ from: first, until, note }) =>
      first.length === DAY_LENGTH
        ? { kind: "days", from: first, until, note }
        : { kind: "times", from: wallTime(first, timezone), until: wallTime(until, timezone), note },
    ),
    input: schedule.input === null ? "" : JSON.stringify(schedule.input, null, 2),
    pauseAfter: schedule.pauseAfterFailures === null ? "" : String(schedule.pauseAfterFailures),
  };
}

export type ScheduleBody = Omit<CreateSchedule, "enabled" | "eventId">;

/** What is typed wrong, by the pointer that the API would name. */
export type DraftFaults = Readonly<Record<string, string>>;

export interface ReadSchedule {
  /** Fit to be sent where there are no faults. */
  readonly body: ScheduleBody;
  readonly faults: DraftFaults;
}

export function readScheduleDraft(draft: ScheduleDraft): ReadSchedule {
  const { timezone } = draft;
  const faults: Record<string, string> = {};
  const wrongZone = zoneProblem(timezone);
  if (wrongZone !== null) {
    faults["/timezone"] = wrongZone;
  }
  const moment = (text: string, pointer: string): string | null => {
    const found = text === "" ? null : momentOf(text, timezone);
    if (text !== "" && found === null) {
      faults[pointer] = t("scheduleForm.wrongTime");
    }
    return found;
  };
  const span = (text: string, pointer: string): number => {
    const ms = parseDuration(text);
    if (ms === null) {
      faults[pointer] = t("scheduleForm.wrongSpan");
    }
    return ms ?? 0;
  };
  const whole = (text: string, pointer: string): number => {
    if (!/^\d{1,6}$/.test(text.trim())) {
      faults[pointer] = t("scheduleForm.wrongNumber");
    }
    return Number(text);
  };
  const required = (text: string, pointer: string): string => {
    const found = moment(text, pointer);
    if (found === null) {
      faults[pointer] = t("scheduleForm.wrongTime");
    }
    return found ?? "";
  };
  const body: ScheduleBody = {
    ...(draft.name.trim() === "" ? {} : { name: draft.name.trim() }),
    timing:
      draft.kind === "cron"
        ? { kind: "cron", pattern: draft.pattern }
        : draft.kind === "interval"
          ? { kind: "interval", everyMs: span(draft.every, "/timing/everyMs") }
          : { kind: "once", at: required(draft.at, "/timing/at") },
    timezone,
    startAt: moment(draft.startAt, "/startAt"),
    endAt: moment(draft.endAt, "/endAt"),
    jitterMs: span(draft.jitter, "/jitterMs"),
    overlap: draft.overlap,
    catchUp: {
      mode: draft.catchUp,
      max: whole(draft.catchUpMax, "/catchUp/max"),
      windowMs: span(draft.catchUpWindow, "/catchUp/windowMs"),
    },
    blackouts: draft.blackouts.map(({ kind, from, until, note }, i) =>
      kind === "days"
        ? { from: day(from, `/blackouts/${i}`, faults), until: day(until, `/blackouts/${i}`, faults), note }
        : { from: required(from, `/blackouts/${i}`), until: required(until, `/blackouts/${i}`), note },
    ),
    input: inputOf(draft.input, faults),
    pauseAfterFailures: draft.pauseAfter.trim() === "" ? null : whole(draft.pauseAfter, "/pauseAfterFailures"),
  };
  return { body, faults };
}

/**
 * What of `body` differs from what the form began with: fields that nobody touched stay as they are, also those that
 * somebody else has changed since.
 */
export function changesOf(began: ScheduleBody, body: ScheduleBody): UpdateSchedule {
  const changed = Object.entries(body).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(began[name as keyof ScheduleBody]),
  );
  return Object.fromEntries(changed) as UpdateSchedule;
}

const DAY_LENGTH = 10;

function day(text: string, pointer: string, faults: Record<string, string>): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) {
    faults[pointer] = t("scheduleForm.wrongDay");
  }
  return text;
}

function inputOf(text: string, faults: Record<string, string>): ScheduleBody["input"] {
  if (text.trim() === "") {
    return null;
  }
  try {
    return JSON.parse(text) as ScheduleBody["input"];
  } catch {
    faults["/input"] = t("scheduleForm.wrongJson");
    return null;
  }
}
