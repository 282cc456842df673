import type { SchedulePreview } from "@cronium/protocol/api/schedules";
import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { absoluteTime, viewerZone } from "../lib/time.ts";

/** In the schedule's zone, and in that of whoever looks; what changed clocks do stands beside. */
export function NextTimes({ preview, zone }: { readonly preview: SchedulePreview; readonly zone: string }): ReactNode {
  const here = viewerZone();
  return (
    <>
      {preview.fires.length === 0 ? <p className="text-12 text-warn">{t("scheduleForm.noNext")}</p> : null}
      <ol className="flex flex-col gap-1 text-12">
        {preview.fires.map((fire) => (
          <li key={fire.nominalAt} className="flex flex-col">
            <span>{absoluteTime(Date.parse(fire.nominalAt), zone)}</span>
            {here === zone ? null : (
              <span className="text-faint">
                {t("scheduleForm.here")} {absoluteTime(Date.parse(fire.nominalAt), here)}
              </span>
            )}
            {fire.note === null ? null : <span className="text-warn">{fire.note}</span>}
          </li>
        ))}
      </ol>
      {preview.clockRule === null ? null : <p className="text-12 text-faint">{preview.clockRule}</p>}
    </>
  );
}
