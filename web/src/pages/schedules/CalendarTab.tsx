import type { Schedule } from "@cronium/protocol/schedule";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { keys } from "../../api/keys.ts";
import { allSchedulesQuery } from "../../api/schedules.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import {
  type Calendar,
  type CalendarFire,
  calendarOf,
  dayAfter,
  daysOf,
  dayTotal,
  hourKey,
  monthAfter,
} from "../../lib/calendar.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { absoluteTime, viewerZone } from "../../lib/time.ts";
import { momentOf } from "../../lib/wall-time.ts";
import { buttonClasses } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";
import { TextLink, target } from "../../ui/TextLink.tsx";
import { dayText, MonthGrid, WeekGrid } from "./CalendarGrid.tsx";

export interface CalendarSearch {
  readonly view?: "week" | "month" | undefined;
  /** The first day of the week, or one of the month: `2026-11-23`. Today by default. */
  readonly day?: string | undefined;
  /** What is open: an hour, `2026-11-23T03`, or a day. */
  readonly at?: string | undefined;
}

/** What will fire, over all schedules: how much in each hour, where many share a minute, and what it is. */
export function CalendarTab({ view = "week", day, at }: CalendarSearch): ReactNode {
  const zone = viewerZone();
  const schedules = useQuery(allSchedulesQuery());
  const today = hourKey(Date.now(), zone).slice(0, 10);
  const shown = day ?? today;
  const days = daysOf(view, shown);
  const navigate = useNavigate();
  const search = (change: CalendarSearch): Record<string, unknown> => ({ tab: "calendar", view, day, ...change });
  const step = (by: 1 | -1): string => (view === "week" ? dayAfter(shown, by * 7) : monthAfter(shown, by));
  const calendar = useQuery({
    queryKey: keys.calendar(days[0] ?? "", days.length, schedules.dataUpdatedAt),
    queryFn: () => calendarOf(range(schedules.data?.items ?? [], days, zone), breath),
    enabled: schedules.data !== undefined,
    placeholderData: (before) => before,
  });
  return (
    <Loadable query={schedules} rows={8}>
      {(all) =>
        all.items.length === 0 ? (
          <EmptyState title={t("calendar.none")} help={t("calendar.noneHelp")} />
        ) : (
          <>
            <div className="flex flex-wrap items-center gap-2 px-4 py-3 lg:px-6">
              <Step label={t("calendar.before")} search={search({ day: step(-1), at: undefined })}>
                <ChevronLeft {...icon} />
              </Step>
              <Step label={t("calendar.after")} search={search({ day: step(1), at: undefined })}>
                <ChevronRight {...icon} />
              </Step>
              <Link
                {...target(paths.schedules(), search({ day: undefined, at: undefined }))}
                className={buttonClasses("plain", "small")}
              >
                {t("calendar.today")}
              </Link>
              <h2 className="px-2 font-semibold">
                {view === "week"
                  ? t("calendar.span", dayText(days[0] ?? ""), dayText(days.at(-1) ?? ""))
                  : monthText(shown)}
              </h2>
              <span role="group" aria-label={t("calendar.view")} className="ml-auto flex gap-1">
                {(["week", "month"] as const).map((one) => (
                  <Link
                    key={one}
                    {...target(paths.schedules(), search({ view: one, at: undefined }))}
                    aria-current={one === view ? "true" : undefined}
                    className={classes(buttonClasses("ghost", "small"), one === view && "bg-active! text-text!")}
                  >
                    {t(`calendar.${one}`)}
                  </Link>
                ))}
              </span>
            </div>
            <Loadable query={calendar} rows={8}>
              {(data) => {
                const open = (next: string): void =>
                  void navigate({
                    ...target(paths.schedules(), search({ at: next })),
                    replace: true,
                    resetScroll: false,
                  });
                const props = { calendar: data, days, today, opened: at, onOpen: open };
                return (
                  <>
                    {view === "week" ? <WeekGrid {...props} /> : <MonthGrid {...props} month={shown.slice(0, 7)} />}
                    <p className="px-4 py-2 text-12 text-faint lg:px-6">
                      {t("calendar.legend", zone)}
                      {data.cut.length === 0 ? null : ` ${t("calendar.cut", data.cut.length)}`}
                      {all.isCut ? ` ${t("calendar.many", all.items.length)}` : null}
                    </p>
                    {at === undefined ? null : <Opened key={at} calendar={data} at={at} zone={zone} />}
                  </>
                );
              }}
            </Loadable>
          </>
        )
      }
    </Loadable>
  );
}

function Step(props: {
  readonly label: string;
  readonly search: Readonly<Record<string, unknown>>;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Link
      {...target(paths.schedules(), props.search)}
      aria-label={props.label}
      title={props.label}
      className={buttonClasses("plain", "small")}
    >
      {props.children}
    </Link>
  );
}

/** What fires within an hour or a day. */
function Opened({
  calendar,
  at,
  zone,
}: {
  readonly calendar: Calendar;
  readonly at: string;
  readonly zone: string;
}): ReactNode {
  const ref = useRef<HTMLElement>(null);
  useEffect(() => {
    ref.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const isDay = at.length === 10;
  const hour = isDay ? dayTotal(calendar, at) : calendar.hours.get(at);
  const label = isDay ? t("calendar.onDay", dayText(at)) : t("calendar.inHour", dayText(at.slice(0, 10)), at.slice(11));
  const columns: readonly Column<CalendarFire>[] = [
    { key: "time", title: t("occurrences.time"), cell: (fire) => absoluteTime(fire.at, zone) },
    {
      key: "schedule",
      title: t("schedules.name"),
      grows: true,
      cell: ({ schedule }) => (
        <TextLink to={paths.schedule(schedule.id)} className="block truncate font-medium">
          {schedule.name}
        </TextLink>
      ),
    },
    {
      key: "event",
      title: t("schedules.event"),
      from: "sm",
      cell: ({ schedule }) => (
        <TextLink to={paths.event(schedule.eventId)} quiet className="block max-w-60 truncate text-dim">
          {schedule.eventName}
        </TextLink>
      ),
    },
  ];
  return (
    <section ref={ref} aria-label={label} className="scroll-mb-4 pb-4">
      <h2 className="px-4 pb-2 pt-3 text-13 font-semibold lg:px-6">{label}</h2>
      {hour === undefined || hour.count === 0 ? (
        <p className="px-4 text-dim lg:px-6">{t("calendar.nothing")}</p>
      ) : (
        <>
          <DataTable
            label={label}
            columns={columns}
            rows={hour.fires}
            rowKey={(fire) => `${fire.schedule.id} ${fire.at}`}
          />
          {hour.count > hour.fires.length ? (
            <p className="px-4 py-2 text-12 text-faint lg:px-6">{t("calendar.first", hour.fires.length, hour.count)}</p>
          ) : null}
        </>
      )}
    </section>
  );
}

/** What has passed stands in the tab of times, with what became of it. */
function range(
  schedules: readonly Schedule[],
  days: readonly string[],
  zone: string,
): Parameters<typeof calendarOf>[0] {
  const begin = (day: string): number => Date.parse(momentOf(`${day}T00:00`, zone) ?? "");
  const [first = ""] = days;
  return {
    schedules,
    zone,
    from: Math.max(Date.now(), begin(first)),
    until: begin(dayAfter(days.at(-1) ?? first, 1)),
  };
}

/** Lets the page answer while it is counted. */
function breath(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

function monthText(day: string): string {
  return new Date(day).toLocaleDateString("en-GB", { timeZone: "UTC", month: "long", year: "numeric" });
}
