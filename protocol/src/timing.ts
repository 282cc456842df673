/** The nominal times that a schedule names: what previews and the calendar show and what the engine fires at are these. */
import type { ScheduleDefinition } from "./schedule.ts";
import { CronRule } from "./cron.ts";

export interface Fire {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly clockChange: "moved" | "first_of_two" | null;
}

export type TimingSpec = Pick<ScheduleDefinition, "timing" | "timezone" | "startAt" | "endAt">;

/** Parsed patterns; they are few, and dear to parse. */
const rules = new Map<string, CronRule>();
const MOST_RULES = 5_000;

function ruleOf(pattern: string, zone: string): CronRule {
  const key = `${zone} ${pattern}`;
  let rule = rules.get(key);
  if (rule === undefined) {
    if (rules.size >= MOST_RULES) {
      rules.clear();
    }
    rule = new CronRule(pattern, zone);
    rules.set(key, rule);
  }
  return rule;
}

/**
 * The first nominal time behind `after`; null when there is none. `anchorAt`: what intervals count from where the
 * schedule names no start, in milliseconds since 1970.
 */
export function nextNominal(
  { timing, timezone, startAt, endAt }: TimingSpec,
  anchorAt: number,
  after: number,
): Fire | null {
  const from = startAt === null ? after : Math.max(after, Date.parse(startAt) - 1);
  const fire = unbounded(timing, timezone, startAt === null ? anchorAt : Date.parse(startAt), from);
  return fire === null || (endAt !== null && fire.at > Date.parse(endAt)) ? null : fire;
}

function unbounded(timing: ScheduleDefinition["timing"], zone: string, anchorAt: number, after: number): Fire | null {
  switch (timing.kind) {
    case "cron":
      return ruleOf(timing.pattern, zone).next(after);
    case "interval": {
      // Without a start the first fire is one interval after the anchor; with one, at the start itself.
      const steps = Math.floor((after - anchorAt) / timing.everyMs) + 1;
      return { at: anchorAt + Math.max(0, steps) * timing.everyMs, clockChange: null };
    }
    case "once": {
      const at = Date.parse(timing.at);
      return at > after ? { at, clockChange: null } : null;
    }
    default:
      return timing satisfies never;
  }
}

/** The part of its jitter by which all fires of a schedule are put off, in milliseconds: its id decides. */
export function jitterOf(scheduleId: string, jitterMs: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < scheduleId.length; i += 1) {
    hash = Math.imul(hash ^ scheduleId.charCodeAt(i), 0x01000193) >>> 0;
  }
  return jitterMs === 0 ? 0 : hash % (jitterMs + 1);
}
