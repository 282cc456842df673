import type { Schedule } from "@cronium/protocol/schedule";
import { formatDuration } from "../../lib/duration.ts";
import { t } from "../../lib/text.ts";

/** When it fires, as short as it can be written. */
export function timingText({ timing, timezone }: Pick<Schedule, "timing" | "timezone">): string {
  switch (timing.kind) {
    case "cron":
      return `${timing.pattern} ${timezone}`;
    case "interval":
      return t("schedules.every", formatDuration(timing.everyMs));
    case "once":
      return t("schedules.once", timing.at);
    default:
      return timing satisfies never;
  }
}
