/** What is wrong with a schedule that somebody wants to save: found before anything is stored. */
import type { FieldError, ScheduleDefinition } from "@cronium/protocol";
import { readCron } from "@cronium/protocol/cron";
import { MIN_SCHEDULE_GAP_MS } from "@cronium/protocol/schedule";
import { nextNominal, type TimingSpec } from "@cronium/protocol/timing";

/** As many times of a pattern are looked at for being too close to each other. */
const LOOKED_AT = 60;

/** The first problem; null when there is none. `now` in milliseconds since 1970. */
export function timingProblem(spec: TimingSpec, now: number): FieldError | null {
  const { timing, timezone, startAt, endAt } = spec;
  if (startAt !== null && endAt !== null && Date.parse(endAt) < Date.parse(startAt)) {
    return { pointer: "/endAt", code: "out_of_range", message: "must not lie before startAt" };
  }
  if (timing.kind === "cron") {
    const reading = readCron(timing.pattern, timezone, now);
    if ("problem" in reading) {
      const { code, message } = reading.problem;
      return { pointer: code === "invalid_timezone" ? "/timezone" : "/timing/pattern", code, message };
    }
    const times = reading.rule.upcoming(now, LOOKED_AT).map((fire) => fire.at);
    const gap = Math.min(...times.slice(1).map((at, i) => at - (times[i] ?? at)));
    if (gap < MIN_SCHEDULE_GAP_MS) {
      const message = `It fires ${gap / 1_000} s after the time before; the shortest is ${MIN_SCHEDULE_GAP_MS / 1_000} s.`;
      return { pointer: "/timing/pattern", code: "too_frequent", message };
    }
  }
  if (timing.kind === "once" && Date.parse(timing.at) <= now) {
    return { pointer: "/timing/at", code: "out_of_range", message: "lies in the past" };
  }
  if (nextNominal(spec, now, now) === null) {
    const pointer = endAt === null ? "/startAt" : "/endAt";
    return {
      pointer,
      code: "cron_never_fires",
      message: "No time of the schedule lies between its start and its end.",
    };
  }
  return null;
}

/** The problem for somebody who sees no pointer: its field leads where the message does not say it. */
export function sentenceOf({ pointer, message }: FieldError): string {
  return /^[A-Z]/.test(message) ? message : `${pointer} ${message}.`;
}

/** What a schedule is called that got no name. */
export function nameOf({ timing }: Pick<ScheduleDefinition, "timing">): string {
  switch (timing.kind) {
    case "cron":
      return timing.pattern.trim().replaceAll(/\s+/g, " ");
    case "interval":
      return `every ${spanText(timing.everyMs)}`;
    case "once":
      return `once at ${timing.at}`;
    default:
      return timing satisfies never;
  }
}

/** Such as `1 h 30 min`. */
export function spanText(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ] as const) {
    const count = Math.floor(rest / size);
    if (count > 0) {
      parts.push(`${count} ${unit}`);
      rest -= count * size;
    }
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}
