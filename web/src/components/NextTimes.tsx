import type { PreviewedFire, SchedulePreview } from "@cronium/protocol/api/schedules";
import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { absoluteTime, viewerZone } from "../lib/time.ts";

export interface NextTimesProps {
  readonly preview: SchedulePreview;
  readonly zone: string;
  /** Later times that a change of clocks touches. */
  readonly touched: readonly PreviewedFire[];
}

/** In the schedule's zone, and in that of whoever looks; what changed clocks do stands beside. */
export function NextTimes({ preview, zone, touched }: NextTimesProps): ReactNode {
  const here = viewerZone();
  const later = touched.filter((fire) => !preview.fires.some(({ nominalAt }) => nominalAt === fire.nominalAt));
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
      {later.length === 0 ? null : (
        <ul aria-label={t("scheduleForm.touched")} className="flex flex-col gap-1 text-12 text-warn">
          {later.map((fire) => (
            <li key={fire.nominalAt}>{fire.note}</li>
          ))}
        </ul>
      )}
      {preview.clockRule === null ? null : <p className="text-12 text-faint">{preview.clockRule}</p>}
    </>
  );
}
