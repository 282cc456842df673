import type { Schedule } from "@cronium/protocol/schedule";
import { scheduleStates } from "@cronium/protocol/schedule-tables";
import type { ReactNode } from "react";
import { t } from "../../lib/text.ts";

const LOOK = { active: "text-good", paused: "text-warn", ended: "text-faint" } as const;

export function ScheduleState({ schedule }: { readonly schedule: Schedule }): ReactNode {
  return (
    <span className={LOOK[schedule.state]} title={schedule.pause?.message || scheduleStates[schedule.state]}>
      {t(`schedules.state.${schedule.state}`)}
    </span>
  );
}
