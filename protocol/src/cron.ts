/**
 * Cron patterns, for the engine, the dashboard and the command line alike: preview and engine are this one function.
 *
 * The syntax is that of OCPS 1.4 (https://github.com/open-source-cron/ocps) as croner reads it: five fields, or six with
 * seconds in front; names, ranges, lists and steps; `L`, `W`, `#` and `+`; nicknames such as `@daily`, but not
 * `@reboot`. Day of month and day of week both given means either, unless the second has a `+` in front.
 *
 * When clocks are changed: a pattern whose hour field holds fixed hours fires once for a time that is left out, at the
 * first instant after the gap, and once for a time that comes twice, at the first. A pattern with a `*` or a step in its
 * hour field follows elapsed time: it fires whenever the clock shows a time that matches, so an hour that comes twice
 * fires twice and nothing is made up for an hour that is left out. An every-minute pattern thus has neither a hole nor a
 * double; with a step of several hours, the one step that spans a change is an hour longer or shorter by the sun, and
 * right by the clock. croner knows no zone here; it counts in UTC what the clock shows, and the zone is applied to that.
 */
import { Cron } from "croner";
import * as words from "cronstrue";
import { nextChange, offsetMs, whenShown, zoneProblem } from "./zone.ts";

const MAX_PATTERN = 200;
const FIELDS = ["second", "minute", "hour", "day of the month", "month", "day of the week"] as const;
const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

export interface CronProblem {
  readonly code: "invalid_cron" | "cron_never_fires" | "invalid_timezone";
  readonly message: string;
}

/** One time at which a pattern fires. */
export interface CronFire {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `moved`: the clock leaves that time out that day. `first_of_two`: it shows it twice. */
  readonly clockChange: "moved" | "first_of_two" | null;
}

export class CronRule {
  readonly pattern: string;
  readonly zone: string;
  private readonly clock: Cron;
  private readonly isElapsed: boolean;

  /** Use `readCron`, which tells what is wrong. */
  constructor(pattern: string, zone: string) {
    const fields = fieldsOf(pattern);
    this.pattern = pattern;
    this.zone = zone;
    this.clock = new Cron(fields.join(" "), { timezone: "UTC", mode: "5-or-6-parts" });
    this.isElapsed = /[*?/]/.test(fields.at(-4) ?? "");
  }

  /** The first time behind `after`, in milliseconds since 1970; null when there is none before the year 3000. */
  next(after: number): CronFire | null {
    return this.isElapsed ? this.nextElapsed(after) : this.nextFixed(after);
  }

  /** The next `count` times, fewer where there are none. */
  upcoming(after: number, count: number): readonly CronFire[] {
    const fires: CronFire[] = [];
    let fire = this.next(after);
    while (fire !== null && fires.length < count) {
      fires.push(fire);
      fire = this.next(fire.at);
    }
    return fires;
  }

  private nextFixed(after: number): CronFire | null {
    // What the clock shows rises with the instants at which it shows it first, so nothing at or before this can be next.
    let wall = this.nextShown(after + offsetMs(this.zone, after));
    while (wall !== null) {
      const { at, how } = whenShown(this.zone, wall);
      if (at > after) {
        return { at, clockChange: how === "never" ? "moved" : how === "twice" ? "first_of_two" : null };
      }
      // Within the second showing of an hour: all that is shown until its end has been before.
      const change = how === "twice" ? nextChange(this.zone, at, after) : null;
      wall = this.nextShown(change === null ? wall : Math.max(wall, change.at + change.before - 1));
    }
    return null;
  }

  private nextElapsed(after: number): CronFire | null {
    let from = after;
    for (;;) {
      const offset = offsetMs(this.zone, from);
      const wall = this.nextShown(from + offset);
      if (wall === null) {
        return null;
      }
      const at = wall - offset;
      const change = nextChange(this.zone, from, at);
      if (change === null) {
        return { at, clockChange: null };
      }
      // Behind the change the clock shows something else: whatever matches there from its first instant on.
      const shown = this.nextShown(change.at + change.after - 1);
      if (shown === change.at + change.after) {
        return { at: change.at, clockChange: null };
      }
      from = change.at;
    }
  }

  /** The next time that the pattern names behind `wall`, both as if they were UTC. */
  private nextShown(wall: number): number | null {
    return this.clock.nextRun(new Date(wall))?.getTime() ?? null;
  }
}

export type CronReading = { readonly rule: CronRule } | { readonly problem: CronProblem };

/** Reads a pattern and refuses what can never fire from `now` on, in milliseconds since 1970. */
export function readCron(pattern: string, zone: string, now: number): CronReading {
  const wrongZone = zoneProblem(zone);
  if (wrongZone !== null) {
    return { problem: { code: "invalid_timezone", message: `The time zone ${wrongZone}.` } };
  }
  const wrongPattern = patternProblem(pattern);
  if (wrongPattern !== null) {
    return { problem: { code: "invalid_cron", message: wrongPattern } };
  }
  let rule: CronRule;
  try {
    rule = new CronRule(pattern, zone);
  } catch (error) {
    return { problem: { code: "invalid_cron", message: fieldProblem(pattern, error) } };
  }
  return rule.next(now) === null
    ? { problem: { code: "cron_never_fires", message: "No date ever matches this pattern." } }
    : { rule };
}

/**
 * The pattern as a sentence, such as "At 02:30, Monday through Friday": of one that `readCron` accepts, in English, on a
 * clock of 24 hours. Null where there are no words for it; the pattern is then its own best description.
 */
export function describeCron(pattern: string): string | null {
  const fields = fieldsOf(pattern);
  const [day = "", , weekday = ""] = fields.slice(-3);
  try {
    return words.toString(fields.map((field) => field.replace(/^[+]/, "").replaceAll("?", "*")).join(" "), {
      use24HourTimeFormat: true,
      logicalAndDayFields: weekday.startsWith("+") && day !== "*",
    });
  } catch {
    return null;
  }
}

function fieldsOf(pattern: string): readonly string[] {
  return (NICKNAMES[pattern.trim().toLowerCase()] ?? pattern).trim().split(/\s+/);
}

function patternProblem(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN) {
    return `The pattern must be at most ${MAX_PATTERN} characters.`;
  }
  if (pattern.trim().startsWith("@")) {
    return Object.hasOwn(NICKNAMES, pattern.trim().toLowerCase())
      ? null
      : `${pattern.slice(0, 20)} is no nickname that can be used; use one of ${Object.keys(NICKNAMES).join(", ")}, or five fields.`;
  }
  const count = pattern.trim() === "" ? 0 : pattern.trim().split(/\s+/).length;
  return count === 5 || count === 6
    ? null
    : `A pattern has five fields (minute, hour, day of the month, month, day of the week), or six with seconds in front; this one has ${count}.`;
}

/** Names the field: the first one that cannot be read with every other field open. */
function fieldProblem(pattern: string, error: unknown): string {
  const fields = pattern.trim().split(/\s+/);
  const names = FIELDS.slice(FIELDS.length - fields.length);
  for (const [index, value] of fields.entries()) {
    try {
      new Cron(fields.map((_, place) => (place === index ? value : "*")).join(" "), { mode: "5-or-6-parts" });
    } catch (cause) {
      return `The ${names[index]} “${value.slice(0, 40)}” cannot be read: ${reason(cause)}`;
    }
  }
  return `The pattern cannot be read: ${reason(error)}`;
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
  return `${text.slice(0, 160).replace(/\.$/, "")}.`;
}
