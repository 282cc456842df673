/**
 * Patterns, zones and moments that chance makes, held against a second reading of the rules: it looks at every minute of
 * some days and asks what a clock on the wall shows, and knows nothing of croner. `CRON_CASES` tells how many (150),
 * `CRON_SEED` where chance begins (1).
 */
import { test } from "vitest";
import { CronRule } from "./cron.ts";
import { nextChange } from "./zone.ts";

const CASES = Number(process.env["CRON_CASES"] ?? 150);
const SEED = Number(process.env["CRON_SEED"] ?? 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SPAN = 36 * HOUR;
/** All clocks are changed at a multiple of this, in the years that are looked at. */
const STEP = 15 * MINUTE;
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const zones = [...new Set([...Intl.supportedValuesOf("timeZone"), "UTC", "Antarctica/Troll", "Australia/Lord_Howe"])];

class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From `low` to `high`, both included. */
  int(low: number, high: number): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return low + (((mixed ^ (mixed >>> 15)) >>> 0) % (high - low + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T;
  }
}

/** What is written in a field, and which values it means. */
interface Field {
  readonly text: string;
  readonly fits: (value: number) => boolean;
}

const every: Field = { text: "*", fits: () => true };

/** A list of values, ranges and steps; `names`: of the values from `low` on. */
function fieldOf(chance: Chance, low: number, high: number, names: readonly string[] = []): Field {
  const said = (value: number): string =>
    names.length > 0 && chance.int(0, 2) === 0 ? (names[value - low] ?? String(value)) : String(value);
  const parts = Array.from({ length: chance.pick([1, 1, 1, 2, 3]) }, (): Field => {
    const from = chance.int(low, high);
    const until = chance.int(from, high);
    const step = chance.int(1, Math.max(1, Math.floor((high - low) / 2)));
    switch (chance.int(0, 3)) {
      case 0:
        return { text: `${said(from)}-${said(until)}`, fits: (value) => value >= from && value <= until };
      case 1:
        return {
          text: `${from}-${until}/${step}`,
          fits: (value) => value >= from && value <= until && (value - from) % step === 0,
        };
      default:
        return { text: said(from), fits: (value) => value === from };
    }
  });
  return { text: parts.map(({ text }) => text).join(","), fits: (value) => parts.some(({ fits }) => fits(value)) };
}

function steps(chance: Chance, high: number): Field {
  const step = chance.int(1, high);
  return { text: `*/${step}`, fits: (value) => value % step === 0 };
}

interface Pattern {
  readonly text: string;
  readonly seconds: readonly number[];
  /** Of what a clock shows, written as if it were UTC. */
  readonly fits: (wall: number) => boolean;
  readonly isElapsed: boolean;
}

/** The day of the month that a `W` means: the workday nearest to it, within the month. */
function workday(year: number, month: number, day: number): number {
  const last = lastDay(year, month);
  const nearest = Math.min(day, last);
  const weekday = new Date(Date.UTC(year, month, nearest)).getUTCDay();
  if (weekday === 6) {
    return nearest === 1 ? 3 : nearest - 1;
  }
  return weekday === 0 ? (nearest === last ? nearest - 2 : nearest + 1) : nearest;
}

const lastDay = (year: number, month: number): number => new Date(Date.UTC(year, month + 1, 0)).getUTCDate();

/** A field for days, which needs the whole date. */
interface DayField {
  readonly text: string;
  readonly fits: (date: Date) => boolean;
}

function dayOfMonth(chance: Chance): DayField {
  const kind = chance.int(0, 9);
  if (kind < 5) {
    return { text: "*", fits: () => true };
  }
  if (kind === 5) {
    return { text: "L", fits: (date) => date.getUTCDate() === lastDay(date.getUTCFullYear(), date.getUTCMonth()) };
  }
  if (kind === 6) {
    const day = chance.int(1, 28);
    const fits = (date: Date): boolean => date.getUTCDate() === workday(date.getUTCFullYear(), date.getUTCMonth(), day);
    return { text: `${day}W`, fits };
  }
  const { text, fits } = fieldOf(chance, 1, 31);
  return { text, fits: (date) => fits(date.getUTCDate()) };
}

function dayOfWeek(chance: Chance): DayField {
  const kind = chance.int(0, 9);
  if (kind < 5) {
    return { text: "*", fits: () => true };
  }
  if (kind === 5) {
    const [day, nth] = [chance.int(0, 6), chance.int(1, 4)];
    const fits = (date: Date): boolean => date.getUTCDay() === day && Math.ceil(date.getUTCDate() / 7) === nth;
    return { text: `${DAYS[day]}#${nth}`, fits };
  }
  const { text, fits } = fieldOf(chance, 0, 6, DAYS);
  return { text, fits: (date) => fits(date.getUTCDay()) };
}

function patternOf(chance: Chance): Pattern {
  const minute =
    chance.int(0, 19) === 0 ? every : chance.pick([steps(chance, 30), fieldOf(chance, 0, 59), fieldOf(chance, 0, 59)]);
  // The hours in which clocks are changed more often than others.
  const hour = chance.pick([
    every,
    steps(chance, 12),
    fieldOf(chance, 0, 23),
    fieldOf(chance, 0, 4),
    fieldOf(chance, 0, 4),
  ]);
  const month = chance.pick([every, every, every, fieldOf(chance, 1, 12, MONTHS)]);
  const [day, weekday] = [dayOfMonth(chance), dayOfWeek(chance)];
  const both = day.text !== "*" && weekday.text !== "*";
  const and = both && chance.int(0, 1) === 0;
  const isDay = (date: Date): boolean =>
    both && !and ? day.fits(date) || weekday.fits(date) : day.fits(date) && weekday.fits(date);
  const seconds =
    chance.int(0, 4) === 0 ? [...new Set([chance.int(0, 59), chance.int(0, 59)])].toSorted((a, b) => a - b) : null;
  const fields = [minute.text, hour.text, day.text, month.text, `${and ? "+" : ""}${weekday.text}`];
  return {
    text: [...(seconds === null ? [] : [seconds.join(",")]), ...fields].join(" "),
    seconds: seconds ?? [0],
    fits: (wall) => {
      const date = new Date(wall);
      return (
        minute.fits(date.getUTCMinutes()) &&
        hour.fits(date.getUTCHours()) &&
        month.fits(date.getUTCMonth() + 1) &&
        isDay(date)
      );
    },
    isElapsed: /[*/]/.test(hour.text),
  };
}

/** What clocks in `zone` show in (`from`, `until`), by what `Intl` writes every quarter of an hour. */
function wallsOf(zone: string, from: number, until: number): (at: number) => number {
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  const offsets = new Map<number, number>();
  for (let at = Math.floor(from / STEP) * STEP; at <= until; at += STEP) {
    offsets.set(at, Date.parse(`${clock.format(at).replace(" ", "T")}Z`) - at);
  }
  return (at) => at + (offsets.get(Math.floor(at / STEP) * STEP) ?? Number.NaN);
}

/** Every instant in (`from`, `until`) at which the pattern fires, by looking at each minute. */
function timesOf({ seconds, fits, isElapsed }: Pattern, zone: string, from: number, until: number): number[] {
  // No clock is changed by more than this in these years.
  const [begin, end] = [from - 4 * HOUR, until + 4 * HOUR];
  const wallAt = wallsOf(zone, begin, end);
  const found = new Set<number>();
  // Each minute that clocks show, when they do first, and each that they leave out, with the first instant behind the gap.
  const seen = new Set<number>();
  let before = wallAt(Math.ceil(begin / MINUTE) * MINUTE) - MINUTE;
  for (let at = Math.ceil(begin / MINUTE) * MINUTE; at < end; at += MINUTE) {
    const wall = wallAt(at);
    for (let left = before + MINUTE; left < wall && !isElapsed; left += MINUTE) {
      if (fits(left)) {
        found.add(at);
      }
    }
    if (fits(wall) && (isElapsed || !seen.has(wall))) {
      for (const second of seconds) {
        found.add(at + second * 1_000);
      }
    }
    seen.add(wall);
    before = wall;
  }
  return [...found].filter((at) => at > from && at < until).toSorted((a, b) => a - b);
}

/** Most of them close to a change of clocks. */
function placeOf(chance: Chance): { readonly zone: string; readonly from: number } {
  for (let tries = 1; ; tries += 1) {
    const zone = chance.pick(zones);
    const at = Date.UTC(chance.int(2020, 2036), chance.int(0, 11), chance.int(1, 28)) + chance.int(0, DAY - 1);
    if (tries === 1 && chance.int(0, 3) === 0) {
      return { zone, from: at };
    }
    const change = nextChange(zone, at, at + 200 * DAY);
    if (change !== null) {
      return { zone, from: change.at - chance.int(0, DAY) };
    }
    if (tries === 6) {
      return { zone, from: at };
    }
  }
}

/** The times of a rule in (`from`, `until`), and a sentence on the first that the second reading does not have there. */
function walked(
  rule: CronRule,
  pattern: Pattern,
  from: number,
  until: number,
): { readonly times: readonly number[]; readonly differs: readonly string[] } {
  const times: number[] = [];
  for (
    let fire = rule.next(from);
    fire !== null && fire.at < until && times.length < 10_000;
    fire = rule.next(fire.at)
  ) {
    times.push(fire.at);
  }
  const should = timesOf(pattern, rule.zone, from, until);
  const first = times.findIndex((at, i) => at !== should[i]);
  const place = first >= 0 ? first : times.length;
  const told = (at: number | undefined): string => (at === undefined ? "none" : new Date(at).toISOString());
  const differs =
    times[place] === should[place]
      ? []
      : [`"${pattern.text}" in ${rule.zone} from ${told(from)}: ${told(times[place])}, not ${told(should[place])}`];
  return { times, differs };
}

/** Of `minute hour * * *`. */
function plain(text: string, fits: (minute: number, hour: number) => boolean): Pattern {
  const [, hour = ""] = text.split(" ");
  return {
    text,
    seconds: [0],
    fits: (wall) => fits(new Date(wall).getUTCMinutes(), new Date(wall).getUTCHours()),
    isElapsed: /[*/]/.test(hour),
  };
}

// Chance seldom makes what fires in the very minute of a change.
test("F37, I12: patterns of every minute and every hour have neither a hole nor a double around a change of clocks", ({
  expect,
}) => {
  const patterns = [
    plain("* * * * *", () => true),
    plain("*/15 * * * *", (minute) => minute % 15 === 0),
    plain("0 * * * *", (minute) => minute === 0),
    plain("0 */2 * * *", (minute, hour) => minute === 0 && hour % 2 === 0),
    plain("30 * * * *", (minute) => minute === 30),
    plain("* 0-4 * * *", (_, hour) => hour <= 4),
    plain("0 0-23 * * *", (minute) => minute === 0),
  ];
  const wrong: string[] = [];
  let changes = 0;
  // By an hour at 1:00 UTC, at 2:00, at midnight, and by half an hour and by two.
  for (const zone of ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Antarctica/Troll"]) {
    let at = Date.UTC(2026, 0, 1);
    for (let change = nextChange(zone, at, Date.UTC(2028, 0, 1)); change !== null;) {
      changes += 1;
      for (const pattern of patterns) {
        const rule = new CronRule(pattern.text, zone);
        wrong.push(...walked(rule, pattern, change.at - 3 * HOUR, change.at + 3 * HOUR).differs);
      }
      at = change.at;
      change = nextChange(zone, at, Date.UTC(2028, 0, 1));
    }
  }
  expect(wrong).toEqual([]);
  expect(changes).toBe(20);
});

const TIMEOUT = { timeout: 60_000 + CASES * 100 };

test(
  "F37, I12: chance's patterns fire at exactly the times that the clocks of chance's zones show",
  TIMEOUT,
  ({ expect }) => {
    const chance = new Chance(SEED);
    const wrong: string[] = [];
    let fires = 0;
    for (let n = 0; n < CASES; n += 1) {
      const { zone, from } = placeOf(chance);
      const pattern = patternOf(chance);
      const until = from + SPAN;
      const rule = new CronRule(pattern.text, zone);
      const { times, differs } = walked(rule, pattern, from, until);
      wrong.push(...differs);
      fires += times.length;
      // Whenever it is asked, the answer is the first of them behind that.
      for (let asked = 0; asked < 5; asked += 1) {
        const at = from + chance.int(0, SPAN - 1);
        const next = times.find((one) => one > at);
        const answer = rule.next(at)?.at ?? null;
        if (answer === null ? next !== undefined : next === undefined ? answer < until : answer !== next) {
          wrong.push(`"${pattern.text}" in ${zone} asked at ${new Date(at).toISOString()}`);
        }
      }
    }
    expect(wrong, `seed ${SEED}`).toEqual([]);
    expect(fires).toBeGreaterThan(CASES);
  },
);
