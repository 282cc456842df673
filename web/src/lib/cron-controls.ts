/** Common patterns as plain controls, and back: what stands in the pattern is always the truth. */

export type CronControls =
  | { readonly repeats: "minutes"; readonly every: number }
  | { readonly repeats: "hourly"; readonly minute: number }
  | { readonly repeats: "daily"; readonly time: string }
  /** 0 is Sunday. */
  | { readonly repeats: "weekly"; readonly days: readonly number[]; readonly time: string }
  /** Day of the month, or the last one. */
  | { readonly repeats: "monthly"; readonly day: number | "L"; readonly time: string };

export const minuteSteps = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30] as const;

/** Null for a pattern that says more than the controls can. */
export function controlsOf(pattern: string): CronControls | null {
  const fields = pattern.trim().split(/\s+/);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  if (fields.length !== 5 || month !== "*") {
    return null;
  }
  const step = minute === "*" ? 1 : Number(/^\*\/(\d{1,2})$/.exec(minute)?.[1] ?? Number.NaN);
  if (minuteSteps.some((known) => known === step)) {
    return hour === "*" && day === "*" && weekday === "*" ? { repeats: "minutes", every: step } : null;
  }
  const at = number(minute, 0, 59);
  if (at === null) {
    return null;
  }
  if (hour === "*") {
    return day === "*" && weekday === "*" ? { repeats: "hourly", minute: at } : null;
  }
  const hours = number(hour, 0, 23);
  if (hours === null) {
    return null;
  }
  const time = `${two(hours)}:${two(at)}`;
  if (weekday === "*") {
    const monthday = day === "L" ? "L" : number(day, 1, 31);
    return day === "*"
      ? { repeats: "daily", time }
      : monthday === null
        ? null
        : { repeats: "monthly", day: monthday, time };
  }
  const days = day === "*" ? weekdays(weekday) : null;
  return days === null ? null : { repeats: "weekly", days, time };
}

export function patternOf(controls: CronControls): string {
  switch (controls.repeats) {
    case "minutes":
      return controls.every === 1 ? "* * * * *" : `*/${controls.every} * * * *`;
    case "hourly":
      return `${controls.minute} * * * *`;
    case "daily":
      return `${clock(controls.time)} * * *`;
    case "weekly":
      return `${clock(controls.time)} * * ${dayText(controls.days)}`;
    case "monthly":
      return `${clock(controls.time)} ${controls.day} * *`;
    default:
      return controls satisfies never;
  }
}

/** What the controls of a kind begin with; the time stays where there is one. */
export function controlsFor(repeats: CronControls["repeats"], before: CronControls | null): CronControls {
  const time = before !== null && "time" in before ? before.time : "03:00";
  switch (repeats) {
    case "minutes":
      return { repeats, every: 15 };
    case "hourly":
      return { repeats, minute: 0 };
    case "daily":
      return { repeats, time };
    case "weekly":
      return { repeats, days: [1, 2, 3, 4, 5], time };
    case "monthly":
      return { repeats, day: 1, time };
    default:
      return repeats satisfies never;
  }
}

const two = (value: number): string => String(value).padStart(2, "0");

function clock(time: string): string {
  const [hours = "0", minutes = "0"] = time.split(":");
  return `${Number(minutes)} ${Number(hours)}`;
}

function number(text: string, least: number, most: number): number | null {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : null;
}

function weekdays(text: string): readonly number[] | null {
  const days = text.split(",").flatMap((part) => {
    const [, from = "", to = from] = /^(\d)(?:-(\d))?$/.exec(part) ?? [];
    const [first, last] = [number(from, 0, 6), number(to, 0, 6)];
    return first === null || last === null || last < first
      ? [Number.NaN]
      : Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return days.some(Number.isNaN) ? null : [...new Set(days)].toSorted((a, b) => a - b);
}

/** `1-5` for what follows one another, `0,3` for the rest. */
function dayText(days: readonly number[]): string {
  const sorted = days.toSorted((a, b) => a - b);
  const [first = 0] = sorted;
  const last = sorted.at(-1) ?? first;
  return sorted.length > 2 && last - first === sorted.length - 1 ? `${first}-${last}` : sorted.join(",");
}
