/** The next times of a schedule, for people: in words, on the clock of its zone, with what changed clocks do to them. */
import type { PreviewedFire, SchedulePreview, ScheduleDefinition } from "@cronium/protocol";
import { describeCron } from "@cronium/protocol/cron";
import { offsetMs } from "@cronium/protocol/zone";
import { darkAt, darkTimes } from "@cronium/protocol/blackout";
import { nameOf } from "./check.ts";
import { nextNominal, type TimingSpec } from "@cronium/protocol/timing";

type PreviewSpec = TimingSpec & Pick<ScheduleDefinition, "blackouts">;

const FIXED =
  "When clocks are changed, a time that is left out fires once, at the first instant after the gap, and a time that comes twice fires once, at the first.";
const ELAPSED =
  "When clocks are changed, it fires whenever the clock shows one of its times: an hour that comes twice fires twice, and one that is left out does not fire.";

/** `after` and `anchorAt` in milliseconds since 1970. */
export function previewTimes(spec: PreviewSpec, anchorAt: number, after: number, count: number): SchedulePreview {
  const dark = darkTimes(spec.blackouts, spec.timezone);
  const fires: PreviewedFire[] = [];
  let fire = nextNominal(spec, anchorAt, after);
  while (fire !== null && fires.length < count) {
    const local = localText(spec.timezone, fire.at);
    const blackout = darkAt(dark, fire.at);
    fires.push({
      nominalAt: new Date(fire.at).toISOString(),
      local,
      clockChange: fire.clockChange,
      note:
        blackout === null
          ? changeNote(fire.clockChange, local)
          : `It lies within a blackout${blackout.note === "" ? "" : ` (${blackout.note})`} and is skipped.`,
      blackout: blackout !== null,
    });
    fire = nextNominal(spec, anchorAt, fire.at);
  }
  return { sentence: sentenceOf(spec), clockRule: clockRule(spec), fires };
}

/** What the clocks of `zone` show, with their offset: `2027-03-14T03:00:00-04:00`. */
export function localText(zone: string, at: number): string {
  const offset = offsetMs(zone, at);
  const shown = new Date(at + offset).toISOString().slice(0, 19);
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${shown}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function sentenceOf({ timing, timezone }: TimingSpec): string {
  const said = timing.kind === "cron" ? (describeCron(timing.pattern) ?? nameOf({ timing })) : nameOf({ timing });
  const sentence = said.charAt(0).toUpperCase() + said.slice(1);
  return timing.kind === "cron" ? `${sentence}, ${timezone}` : sentence;
}

/** Fixed times and elapsed ones are told apart as `CronRule` does. */
function clockRule({ timing, timezone }: TimingSpec): string | null {
  if (timing.kind !== "cron" || timezone === "UTC") {
    return null;
  }
  const hour = timing.pattern.trim().split(/\s+/).at(-4) ?? "";
  return /[*?/]/.test(hour) || timing.pattern.trim().toLowerCase() === "@hourly" ? ELAPSED : FIXED;
}

function changeNote(change: PreviewedFire["clockChange"], local: string): string | null {
  const day = local.slice(0, 10);
  const time = local.slice(11, 16);
  switch (change) {
    case "moved":
      return `Clocks go forward on ${day} and leave this time out: it fires at ${time}, the first instant after the gap.`;
    case "first_of_two":
      return `Clocks go back on ${day} and show ${time} twice: it fires once, at the first.`;
    case null:
      return null;
    default:
      return change satisfies never;
  }
}
