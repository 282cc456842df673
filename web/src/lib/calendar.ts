/**
 * When schedules will fire, hour by hour, by the very function that fires them. Days and hours are those of the zone of
 * whoever looks.
 */
import { darkAt, darkTimes } from "@cronium/protocol/blackout";
import type { Schedule } from "@cronium/protocol/schedule";
import { jitterOf, nextNominal } from "@cronium/protocol/timing";
import { offsetMs } from "@cronium/protocol/zone";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Times that are looked at in all, a second or two of work; and between two breaths of the page. */
const MOST = 20_000;
const SLICE = 200;
/** Of one hour; more are counted, not listed. */
const LISTED = 200;

/** So many schedules in one minute are pointed out. */
export const COLLISION = 5;

export interface CalendarFire {
  /** When it is due, its share of the jitter included; milliseconds since 1970. */
  readonly at: number;
  readonly schedule: Schedule;
}

export interface CalendarHour {
  readonly count: number;
  /** Schedules that fire in the fullest minute. */
  readonly most: number;
  /** The earliest ones. */
  readonly fires: readonly CalendarFire[];
}

export interface Calendar {
  /** By `2026-11-23T03`, as the zone's clocks show it. */
  readonly hours: ReadonlyMap<string, CalendarHour>;
  /** Schedules that fire too often to be counted to the end of the range. */
  readonly cut: readonly Schedule[];
}

export interface CalendarAsk {
  readonly schedules: readonly Schedule[];
  /** Milliseconds since 1970; `until` is not included. */
  readonly from: number;
  readonly until: number;
  readonly zone: string;
}

/** Paused schedules count from the end of their pause. `breathe` is awaited now and then. */
export async function calendarOf(ask: CalendarAsk, breathe: () => Promise<void>): Promise<Calendar> {
  const { schedules, zone } = ask;
  const all: CalendarFire[] = [];
  const cut: Schedule[] = [];
  const share = Math.max(100, Math.floor(MOST / Math.max(1, schedules.length)));
  let steps = 0;
  for (const schedule of schedules) {
    let own = 0;
    for (const at of dueTimes(schedule, ask)) {
      if (own === share) {
        cut.push(schedule);
        break;
      }
      own += 1;
      steps += 1;
      all.push({ at, schedule });
      if (steps % SLICE === 0) {
        await breathe();
      }
    }
  }
  all.sort((a, b) => a.at - b.at);
  return { hours: byHour(all, zone), cut };
}

function* dueTimes(schedule: Schedule, { from, until }: CalendarAsk): Generator<number> {
  const { nextAt, pause, timing, timezone, endAt } = schedule;
  const pausedUntil = pause?.until ?? null;
  if (schedule.state === "ended" || (schedule.state === "paused" && pausedUntil === null)) {
    return;
  }
  const jitter = jitterOf(schedule.id, schedule.jitterMs);
  const dark = darkTimes(schedule.blackouts, timezone);
  // An interval without a start is counted from when it was saved; its next time stands for that.
  const startAt = timing.kind === "interval" && schedule.startAt === null ? nextAt : schedule.startAt;
  const spec = { timing, timezone, startAt, endAt };
  const first = Math.max(from, pausedUntil === null ? from : Date.parse(pausedUntil));
  for (let fire = nextNominal(spec, first, first - jitter - 1); fire !== null && fire.at + jitter < until;) {
    if (darkAt(dark, fire.at) === null) {
      yield fire.at + jitter;
    }
    fire = nextNominal(spec, first, fire.at);
  }
}

function byHour(fires: readonly CalendarFire[], zone: string): Map<string, CalendarHour> {
  const hours = new Map<string, { count: number; most: number; fires: CalendarFire[] }>();
  let minute = { at: Number.NaN, ids: new Set<string>() };
  for (const fire of fires) {
    const key = hourKey(fire.at, zone);
    const hour = hours.get(key) ?? { count: 0, most: 0, fires: [] };
    const at = Math.floor(fire.at / MINUTE_MS);
    if (at !== minute.at) {
      minute = { at, ids: new Set() };
    }
    minute.ids.add(fire.schedule.id);
    hour.count += 1;
    hour.most = Math.max(hour.most, minute.ids.size);
    if (hour.fires.length < LISTED) {
      hour.fires.push(fire);
    }
    hours.set(key, hour);
  }
  return hours;
}

/** `2026-11-23T03`: the hour that clocks of the zone show. */
export function hourKey(at: number, zone: string): string {
  return new Date(at + offsetMs(zone, at)).toISOString().slice(0, 13);
}

/** `2026-11-23`, so many days behind another one. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The days that a view shows: seven from `day` on, or the whole weeks, from Monday on, that its month touches. */
export function daysOf(view: "week" | "month", day: string): readonly string[] {
  if (view === "week") {
    return Array.from({ length: 7 }, (_, i) => dayAfter(day, i));
  }
  const first = `${day.slice(0, 7)}-01`;
  const start = dayAfter(first, -((new Date(first).getUTCDay() + 6) % 7));
  const weeks = dayAfter(start, 35).startsWith(day.slice(0, 7))
    ? 6
    : dayAfter(start, 28).startsWith(day.slice(0, 7))
      ? 5
      : 4;
  return Array.from({ length: weeks * 7 }, (_, i) => dayAfter(start, i));
}

/** The same day of another month, or its last one. */
export function monthAfter(day: string, months: number): string {
  const [year = 1970, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
}

/** Hours of a day together. */
export function dayTotal(calendar: Calendar, day: string): CalendarHour {
  const hours = Array.from({ length: 24 }, (_, hour) => calendar.hours.get(`${day}T${String(hour).padStart(2, "0")}`));
  return {
    count: hours.reduce((sum, hour) => sum + (hour?.count ?? 0), 0),
    most: Math.max(0, ...hours.map((hour) => hour?.most ?? 0)),
    fires: hours.flatMap((hour) => hour?.fires ?? []).slice(0, LISTED),
  };
}
