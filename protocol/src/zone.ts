/**
 * Time zones as IANA names them, and what their clocks show. `Temporal` is not to be had everywhere this runs, so the
 * offset is read off `Intl`.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const clocks = new Map<string, Intl.DateTimeFormat>();

/**
 * Null when `zone` is the name of a time zone, else a sentence about what is wrong. Offsets such as `+02:00` are
 * refused: they know no daylight saving and are hardly ever what is meant.
 */
export function zoneProblem(zone: string): string | null {
  if (zone === "") {
    return "must name a time zone, such as Europe/Berlin or UTC";
  }
  if (zone.length > 64 || !/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(zone)) {
    return "must be the name of a time zone, such as Europe/Berlin or UTC";
  }
  try {
    clockOf(zone);
    return null;
  } catch {
    return "is not a known time zone; use a name such as Europe/Berlin or UTC";
  }
}

/** What is added to UTC to get the time that clocks in `zone` show at `at`, in milliseconds. */
export function offsetMs(zone: string, at: number): number {
  const whole = Math.floor(at / 1_000) * 1_000;
  const parts: Record<string, number> = {};
  for (const { type, value } of clockOf(zone).formatToParts(whole)) {
    parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
}

/** An instant at which the clocks of a zone are changed. */
export interface Change {
  /** The first instant of the new time, in milliseconds since 1970. */
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

/** The first change in (`from`, `until`]; null without one. Looks once a day, or every `stepMs`: changes that cancel each other out between two looks are not seen. */
export function nextChange(zone: string, from: number, until: number, stepMs = DAY_MS): Change | null {
  let low = from;
  let before = offsetMs(zone, low);
  while (low < until) {
    const high = Math.min(low + stepMs, until);
    const after = offsetMs(zone, high);
    if (after !== before) {
      return { at: firstInstant(zone, low, high, before), before, after };
    }
    low = high;
    before = after;
  }
  return null;
}

function firstInstant(zone: string, from: number, until: number, before: number): number {
  let [low, high] = [Math.floor(from / 1_000), Math.ceil(until / 1_000)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(zone, middle * 1_000) === before) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high * 1_000;
}

/**
 * What this machine's time zone data says about the clocks of `zone` in the calendar year of `at` and the two behind it,
 * as a short text that is the same wherever that data is. `Intl` does not tell the version of its data; this tells what
 * matters of it. Costs about 200 looks at a clock.
 */
export function zoneMark(zone: string, at: number): string {
  const year = new Date(at).getUTCFullYear();
  const [from, until] = [Date.UTC(year, 0, 1), Date.UTC(year + 3, 0, 1)];
  const marks = [`${year} ${offsetMs(zone, from) / 1_000}`];
  let change = nextChange(zone, from, until, 7 * DAY_MS);
  while (change !== null) {
    marks.push(`${change.at / 1_000} ${change.after / 1_000}`);
    change = nextChange(zone, change.at, until, 7 * DAY_MS);
  }
  return marks.join(", ");
}

/** When clocks in a zone show a time, which they may do twice a year, and some times not at all. */
export interface Shown {
  /** The first such instant; for a time that is left out, the first one after the gap. */
  readonly at: number;
  readonly how: "once" | "twice" | "never";
}

/** `wall` is what the clock shows, written as milliseconds since 1970 as if it were UTC. */
export function whenShown(zone: string, wall: number): Shown {
  // No offset, and no change of one, reaches further than a day.
  const early = offsetMs(zone, wall - DAY_MS);
  const late = offsetMs(zone, wall + DAY_MS);
  const [first, second] = [wall - Math.max(early, late), wall - Math.min(early, late)];
  const fits = (at: number): boolean => at + offsetMs(zone, at) === wall;
  if (fits(first)) {
    return { at: first, how: first !== second && fits(second) ? "twice" : "once" };
  }
  if (fits(second)) {
    return { at: second, how: "once" };
  }
  const change = nextChange(zone, wall - DAY_MS - early, wall + DAY_MS - early);
  return { at: change?.at ?? second, how: "never" };
}

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en-US-u-ca-iso8601-nu-latn", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    clocks.set(zone, clock);
  }
  return clock;
}
