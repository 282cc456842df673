import type { OccurrenceDecision } from "@cronium/protocol/schedule-tables";
import type { Schedule } from "@cronium/protocol/schedule";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Pause, Play, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { itemsOf } from "../../api/page.ts";
import { pauseSchedule, schedulesQuery } from "../../api/schedules.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { Time } from "../../components/Time.tsx";
import { ResumeScheduleForm } from "../../forms/ResumeScheduleForm.tsx";
import { ScheduleForm } from "../../forms/ScheduleForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { formatDuration } from "../../lib/duration.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { TabPanel, Tabs } from "../../ui/Tabs.tsx";
import { TextLink, target } from "../../ui/TextLink.tsx";
import { OccurrenceTable } from "./OccurrenceTable.tsx";

interface SchedulesSearch {
  readonly tab?: "schedules" | "times";
  readonly decision?: OccurrenceDecision;
}

export function SchedulesPage(): ReactNode {
  useTitle(t("schedules.title"));
  const { tab = "schedules", decision }: SchedulesSearch = useSearch({ strict: false });
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
          { value: "times", label: t("schedules.tabTimes") },
        ]}
        onChange={(next) => void navigate({ ...target(paths.schedules()), search: { tab: next }, replace: true })}
      >
        <TabPanel value="schedules">
          <ScheduleList make={make} />
        </TabPanel>
        <TabPanel value="times">
          <OccurrenceTable decision={decision} />
        </TabPanel>
      </Tabs>
      {isMaking ? <ScheduleForm onClose={() => setMaking(false)} /> : null}
    </>
  );
}

function ScheduleList({ make }: { readonly make: ReactNode }): ReactNode {
  const query = useInfiniteQuery(schedulesQuery());
  const schedules = itemsOf(query.data);
  const [resuming, setResuming] = useState<Schedule | null>(null);
  const client = useQueryClient();
  const pause = useMutation({
    mutationFn: pauseSchedule,
    onSuccess: () => client.invalidateQueries({ queryKey: ["schedules"] }),
  });
  return (
    <Loadable query={query}>
      {() =>
        schedules.length === 0 ? (
          <EmptyState title={t("schedules.none")} help={t("schedules.noneHelp")} action={make} />
        ) : (
          <>
            <ErrorLine error={pause.error} />
            <DataTable
              label={t("schedules.title")}
              columns={columns({ onPause: pause.mutate, onResume: setResuming })}
              rows={schedules}
              rowKey={(schedule) => schedule.id}
            />
            {query.hasNextPage ? (
              <div className="px-4 py-3 lg:px-6">
                <Button size="small" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {t("action.loadMore")}
                </Button>
              </div>
            ) : null}
            {resuming === null ? null : <ResumeScheduleForm schedule={resuming} onClose={() => setResuming(null)} />}
          </>
        )
      }
    </Loadable>
  );
}

function timingText({ timing, timezone }: Schedule): string {
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

function columns(act: {
  readonly onPause: (id: string) => void;
  readonly onResume: (schedule: Schedule) => void;
}): readonly Column<Schedule>[] {
  return [
    {
      key: "name",
      title: t("schedules.name"),
      grows: true,
      cell: (schedule) => (
        <span className="block min-w-0 truncate font-medium" title={schedule.name}>
          {schedule.name}
        </span>
      ),
    },
    {
      key: "event",
      title: t("schedules.event"),
      from: "sm",
      cell: (schedule) => (
        <TextLink to={paths.event(schedule.eventId)} quiet className="block max-w-60 truncate">
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
      cell: (schedule) => (
        <span
          className={schedule.state === "paused" ? "text-warn" : "text-dim"}
          title={schedule.pause?.message ?? undefined}
        >
          {t(`schedules.state.${schedule.state}`)}
        </span>
      ),
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
            label={t("schedules.resumeNamed", schedule.name)}
            onClick={() => act.onResume(schedule)}
          >
            <Play {...icon} />
          </IconButton>
        ) : schedule.state === "active" ? (
          <IconButton
            size="small"
            label={t("schedules.pauseNamed", schedule.name)}
            onClick={() => act.onPause(schedule.id)}
          >
            <Pause {...icon} />
          </IconButton>
        ) : null,
    },
  ];
}
