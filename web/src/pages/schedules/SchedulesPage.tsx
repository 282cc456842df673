import type { OccurrenceDecision } from "@cronium/protocol/schedule-tables";
import type { Schedule } from "@cronium/protocol/schedule";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Pause, Play, Plus } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { itemsOf } from "../../api/page.ts";
import { pauseSchedule, schedulesQuery } from "../../api/schedules.ts";
import { type Column, rowLink } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { PagedTable } from "../../components/PagedTable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { Time } from "../../components/Time.tsx";
import { ResumeScheduleForm } from "../../forms/ResumeScheduleForm.tsx";
import { ScheduleForm } from "../../forms/ScheduleForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { Skeleton } from "../../ui/Skeleton.tsx";
import { TabPanel, Tabs } from "../../ui/Tabs.tsx";
import { TextLink, target } from "../../ui/TextLink.tsx";
import type { CalendarSearch } from "./CalendarTab.tsx";
import { OccurrenceTable } from "./OccurrenceTable.tsx";
import { ScheduleState } from "./ScheduleState.tsx";
import { timingText } from "./timing-text.ts";

/** With it comes what reads patterns, which no other page needs. */
const CalendarTab = lazy(() => import("./CalendarTab.tsx").then((module) => ({ default: module.CalendarTab })));

interface SchedulesSearch extends CalendarSearch {
  readonly tab?: "schedules" | "calendar" | "times";
  readonly decision?: OccurrenceDecision;
}

export function SchedulesPage(): ReactNode {
  useTitle(t("schedules.title"));
  const { tab = "schedules", decision, view, day, at }: SchedulesSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const [isMaking, setMaking] = useState(false);
  const make = (
    <Button look="primary" onClick={() => setMaking(true)}>
      <Plus {...icon} />
      {t("schedules.new")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("schedules.title")} actions={make}>
        <p className="text-dim">{t("schedules.help")}</p>
      </PageHead>
      <Tabs
        label={t("schedules.title")}
        value={tab}
        tabs={[
          { value: "schedules", label: t("schedules.tabSchedules") },
          { value: "calendar", label: t("schedules.tabCalendar") },
          { value: "times", label: t("schedules.tabTimes") },
        ]}
        onChange={(next) => void navigate({ ...target(paths.schedules()), search: { tab: next }, replace: true })}
      >
        <TabPanel value="schedules">
          <ScheduleList make={make} />
        </TabPanel>
        <TabPanel value="calendar">
          <Suspense fallback={<Skeleton />}>
            <CalendarTab view={view} day={day} at={at} />
          </Suspense>
        </TabPanel>
        <TabPanel value="times">
          <OccurrenceTable filter={{ decision }} />
        </TabPanel>
      </Tabs>
      {isMaking ? <ScheduleForm onClose={() => setMaking(false)} /> : null}
    </>
  );
}

function ScheduleList({ make }: { readonly make: ReactNode }): ReactNode {
  const query = useInfiniteQuery(schedulesQuery());
  const [resuming, setResuming] = useState<Schedule | null>(null);
  const client = useQueryClient();
  const pause = useMutation({
    mutationFn: pauseSchedule,
    onSuccess: () => client.invalidateQueries({ queryKey: ["schedules"] }),
  });
  return (
    <>
      <ErrorLine error={pause.error} />
      <PagedTable
        query={query}
        rows={itemsOf(query.data)}
        label={t("schedules.title")}
        columns={columns({ onPause: pause.mutate, onResume: setResuming })}
        rowKey={(schedule) => schedule.id}
        empty={<EmptyState title={t("schedules.none")} help={t("schedules.noneHelp")} action={make} />}
      />
      {resuming === null ? null : <ResumeScheduleForm schedule={resuming} onClose={() => setResuming(null)} />}
    </>
  );
}

function columns(act: {
  readonly onPause: (schedule: { readonly id: string }) => void;
  readonly onResume: (schedule: Schedule) => void;
}): readonly Column<Schedule>[] {
  return [
    {
      key: "name",
      title: t("schedules.name"),
      grows: true,
      cell: (schedule) => (
        <TextLink
          to={paths.schedule(schedule.id)}
          quiet
          className={`block min-w-0 truncate font-medium ${rowLink}`}
          title={schedule.name}
        >
          {schedule.name}
        </TextLink>
      ),
    },
    {
      key: "event",
      title: t("schedules.event"),
      from: "sm",
      cell: (schedule) => (
        <TextLink to={paths.event(schedule.eventId)} quiet className="relative z-10 block max-w-60 truncate">
          {schedule.eventName}
        </TextLink>
      ),
    },
    {
      key: "timing",
      title: t("schedules.timing"),
      from: "md",
      cell: (schedule) => <code className="text-12">{timingText(schedule)}</code>,
    },
    {
      key: "state",
      title: t("schedules.state"),
      cell: (schedule) => <ScheduleState schedule={schedule} />,
    },
    {
      key: "next",
      title: t("schedules.next"),
      align: "right",
      cell: (schedule) => <Time at={schedule.nextAt} empty={t("schedules.noNext")} />,
    },
    {
      key: "act",
      title: "",
      align: "right",
      cell: (schedule) =>
        schedule.state === "paused" ? (
          <IconButton
            size="small"
            className="relative z-10"
            label={t("schedules.resumeNamed", schedule.name)}
            onClick={() => act.onResume(schedule)}
          >
            <Play {...icon} />
          </IconButton>
        ) : schedule.state === "active" ? (
          <IconButton
            size="small"
            className="relative z-10"
            label={t("schedules.pauseNamed", schedule.name)}
            onClick={() => act.onPause({ id: schedule.id })}
          >
            <Pause {...icon} />
          </IconButton>
        ) : null,
    },
  ];
}
