import { occurrenceReasons } from "@cronium/protocol/schedule-tables";
import type { Occurrence } from "@cronium/protocol/schedule";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { OccurrenceFilter } from "../../api/keys.ts";
import { itemsOf } from "../../api/page.ts";
import { occurrencesQuery } from "../../api/schedules.ts";
import type { Column } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { PagedTable } from "../../components/PagedTable.tsx";
import { Time } from "../../components/Time.tsx";
import { formatDuration } from "../../lib/duration.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { TextLink } from "../../ui/TextLink.tsx";

/** What became of each time, newest first; of all schedules, or of one. */
export function OccurrenceTable({ filter }: { readonly filter: OccurrenceFilter }): ReactNode {
  const query = useInfiniteQuery(occurrencesQuery(filter));
  return (
    <PagedTable
      query={query}
      rows={itemsOf(query.data)}
      label={t("schedules.tabTimes")}
      columns={filter.scheduleId === undefined ? COLUMNS : COLUMNS.filter(({ key }) => key !== "schedule")}
      rowKey={(one) => `${one.scheduleId} ${one.nominalAt}`}
      empty={<EmptyState title={t("occurrences.none")} help={t("occurrences.noneHelp")} />}
    />
  );
}

const LOOK = { run: "text-good", skipped: "text-faint", missed: "text-warn" } as const;

const COLUMNS: readonly Column<Occurrence>[] = [
  { key: "time", title: t("occurrences.time"), cell: (one) => <Time at={one.nominalAt} /> },
  {
    key: "schedule",
    title: t("schedules.name"),
    from: "sm",
    cell: (one) => (
      <TextLink to={paths.schedule(one.scheduleId)} quiet className="block max-w-60 truncate">
        {one.scheduleName}
      </TextLink>
    ),
  },
  {
    key: "decision",
    title: t("occurrences.decision"),
    cell: (one) => <span className={LOOK[one.decision]}>{t(`occurrences.decision.${one.decision}`)}</span>,
  },
  {
    key: "reason",
    title: t("occurrences.reason"),
    grows: true,
    cell: (one) => (
      <span className="block min-w-0 truncate text-dim" title={one.message ?? occurrenceReasons[one.reason]}>
        {one.message ?? occurrenceReasons[one.reason]}
      </span>
    ),
  },
  {
    key: "late",
    title: t("occurrences.late"),
    from: "md",
    align: "right",
    cell: (one) => <span className="text-dim">{formatDuration(one.latenessMs)}</span>,
  },
  {
    key: "run",
    title: t("occurrences.run"),
    align: "right",
    cell: (one) => (one.runId === null ? null : <TextLink to={paths.run(one.runId)}>{t("occurrences.open")}</TextLink>),
  },
];
