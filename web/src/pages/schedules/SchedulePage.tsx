import type { Lateness, Schedule } from "@cronium/protocol/schedule";
import { pauseReasons } from "@cronium/protocol/schedule-tables";
import { useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import {
  clockChangesQuery,
  type PreviewAsk,
  scheduleLatenessQuery,
  schedulePreviewQuery,
  scheduleQuery,
} from "../../api/schedules.ts";
import { CopyAs } from "../../components/CopyAs.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { NextTimes } from "../../components/NextTimes.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { Time } from "../../components/Time.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { durationText, formatDuration } from "../../lib/duration.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Facts, type FactRow } from "../../ui/Facts.tsx";
import { TextLink } from "../../ui/TextLink.tsx";
import { OccurrenceTable } from "./OccurrenceTable.tsx";
import { ScheduleActions } from "./ScheduleActions.tsx";
import { ScheduleState } from "./ScheduleState.tsx";
import { timingText } from "./timing-text.ts";
import { WhyPanel } from "./WhyPanel.tsx";

export interface ScheduleSearch {
  /** The time that is asked about, ISO 8601. */
  readonly why?: string | undefined;
}

/** One schedule: what it says, when it fires next, how punctual it is, and what became of each of its times. */
export function SchedulePage(): ReactNode {
  const { scheduleId = "" } = useParams({ strict: false });
  const query = useQuery(scheduleQuery(scheduleId));
  useTitle(query.data?.name ?? t("schedules.title"));
  return <Loadable query={query}>{(schedule) => <Loaded key={schedule.id} schedule={schedule} />}</Loadable>;
}

function Loaded({ schedule }: { readonly schedule: Schedule }): ReactNode {
  const { why }: ScheduleSearch = useSearch({ strict: false });
  const preview = useQuery(schedulePreviewQuery(askOf(schedule)));
  const touched = useQuery({ ...clockChangesQuery(askOf(schedule)), enabled: schedule.timing.kind === "cron" });
  const lateness = useQuery(scheduleLatenessQuery(schedule.id));
  return (
    <>
      <PageHead
        title={<span className="line-clamp-2">{schedule.name}</span>}
        beside={<ScheduleState schedule={schedule} />}
        actions={
          <>
            <span className="max-sm:hidden">
              <CopyAs
                forms={[
                  { label: t("copy.id"), text: () => schedule.id },
                  { label: t("copy.json"), text: () => JSON.stringify(schedule, null, 2) },
                ]}
              />
            </span>
            <ScheduleActions schedule={schedule} />
          </>
        }
      >
        <p className="text-dim">{preview.data?.sentence ?? timingText(schedule)}</p>
      </PageHead>
      <div className="grid gap-x-12 gap-y-6 px-4 py-3 text-13 md:grid-cols-2 lg:px-6">
        <Section title={t("scheduleForm.next")}>
          {schedule.state === "ended" ? (
            <p className="text-dim">{t("schedule.ended")}</p>
          ) : (
            <>
              {schedule.state === "paused" ? <p className="text-12 text-warn">{t("schedule.pausedNext")}</p> : null}
              <Loadable query={preview} rows={5}>
                {(data) => <NextTimes preview={data} zone={schedule.timezone} touched={touched.data ?? []} />}
              </Loadable>
            </>
          )}
        </Section>
        <Section title={t("schedule.says")}>
          <Facts rows={[...pauseRows(schedule), ...rowsOf(schedule)]} />
        </Section>
        <Section title={t("schedule.lateness")}>
          <Loadable query={lateness} rows={2}>
            {(data) => <Facts rows={latenessRows(data)} />}
          </Loadable>
        </Section>
        <Section title={t("why.title")}>
          <WhyPanel schedule={schedule} at={why} />
        </Section>
      </div>
      <h2 className="px-4 pb-2 pt-3 text-13 font-semibold lg:px-6">{t("schedules.tabTimes")}</h2>
      <OccurrenceTable filter={{ scheduleId: schedule.id }} />
    </>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-2">
      <h2 className="text-13 font-semibold">{title}</h2>
      {children}
    </section>
  );
}

/** An interval without a start is counted from when it was saved; its next time stands for that. */
function askOf({ id, timing, timezone, startAt, endAt, blackouts, jitterMs, nextAt }: Schedule): PreviewAsk {
  const from = timing.kind === "interval" && startAt === null ? nextAt : startAt;
  return { timing, timezone, startAt: from, endAt, blackouts, jitterMs, scheduleId: id };
}

function pauseRows({ pause }: Schedule): FactRow[] {
  return pause === null
    ? []
    : [
        [t("schedule.pausedSince"), <Time at={pause.since} />],
        [t("occurrences.reason"), <span className="break-words">{pause.message || pauseReasons[pause.reason]}</span>],
        ...(pause.until === null ? [] : [[t("schedule.pausedUntil"), <Time at={pause.until} />] as const]),
      ];
}

function rowsOf(schedule: Schedule): FactRow[] {
  const { catchUp, blackouts } = schedule;
  return [
    [
      t("schedules.event"),
      <TextLink to={paths.event(schedule.eventId)} className="break-words">
        {schedule.eventName}
      </TextLink>,
    ],
    [t("schedules.timing"), <code className="break-words font-mono text-12">{timingText(schedule)}</code>],
    [t("scheduleForm.zone"), schedule.timezone],
    [t("scheduleForm.overlap"), t(`scheduleForm.overlap.${schedule.overlap}`)],
    [
      t("scheduleForm.catchUp"),
      catchUp.mode === "none"
        ? t("scheduleForm.catchUp.none")
        : t(`schedule.catchUp.${catchUp.mode}`, catchUp.max, durationText(catchUp.windowMs)),
    ],
    ...(schedule.jitterMs === 0 ? [] : [[t("scheduleForm.jitter"), durationText(schedule.jitterMs)] as const]),
    ...(schedule.startAt === null ? [] : [[t("scheduleForm.start"), <Time at={schedule.startAt} />] as const]),
    ...(schedule.endAt === null ? [] : [[t("scheduleForm.end"), <Time at={schedule.endAt} />] as const]),
    ...(blackouts.length === 0
      ? []
      : [
          [
            t("scheduleForm.blackouts"),
            <ul>
              {blackouts.map(({ from, until, note }) => (
                <li key={`${from} ${until} ${note}`} className="break-words">
                  {t("schedule.blackout", from, until, note)}
                </li>
              ))}
            </ul>,
          ] as const,
        ]),
    ...(schedule.input === null
      ? []
      : [
          [
            t("scheduleForm.input"),
            <code className="line-clamp-3 break-all font-mono text-12">{JSON.stringify(schedule.input)}</code>,
          ] as const,
        ]),
    ...(schedule.pauseAfterFailures === null
      ? []
      : [
          [
            t("scheduleForm.pauseAfter"),
            t("schedule.failures", schedule.pauseAfterFailures, schedule.failuresInRow),
          ] as const,
        ]),
  ];
}

function latenessRows({ queued, started }: Lateness): FactRow[] {
  return [
    [t("schedule.queued"), percentiles(queued)],
    [t("schedule.started"), percentiles(started)],
  ];
}

function percentiles({ p50, p99, count }: Lateness["queued"]): string {
  return p50 === null || p99 === null
    ? t("schedule.noRuns")
    : t("schedule.percentiles", formatDuration(p50), formatDuration(p99), count);
}
