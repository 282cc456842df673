import { occurrenceReasons, type OccurrenceDecision } from "@cronium/protocol/schedule-tables";
import type { Occurrence } from "@cronium/protocol/schedule";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { itemsOf } from "../../api/page.ts";
import { occurrencesQuery } from "../../api/schedules.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { formatDuration } from "../../lib/duration.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { TextLink } from "../../ui/TextLink.tsx";

/** What became of each time, newest first. */
export function OccurrenceTable({ decision }: { readonly decision: OccurrenceDecision | undefined }): ReactNode {
  const query = useInfiniteQuery(occurrencesQuery(decision));
  const rows = itemsOf(query.data);
  return (
    <Loadable query={query}>
      {() =>
        rows.length === 0 ? (
          <EmptyState title={t("occurrences.none")} help={t("occurrences.noneHelp")} />
        ) : (
          <>
            <DataTable
              label={t("schedules.tabTimes")}
              columns={COLUMNS}
              rows={rows}
              rowKey={(one) => `${one.scheduleId} ${one.nominalAt}`}
            />
            {query.hasNextPage ? (
              <div className="px-4 py-3 lg:px-6">
                <Button size="small" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {t("action.loadMore")}
                </Button>
              </div>
            ) : null}
          </>
        )
      }
    </Loadable>
  );
}

const LOOK = { run: "text-good", skipped: "text-faint", missed: "text-warn" } as const;

const COLUMNS: readonly Column<Occurrence>[] = [
  { key: "time", title: t("occurrences.time"), cell: (one) => <Time at={one.nominalAt} /> },
  {
    key: "schedule",
    title: t("schedules.name"),
    from: "sm",
    cell: (one) => <span className="block max-w-60 truncate">{one.scheduleName}</span>,
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
