import type { Attempt, Run } from "@cronium/protocol/run";
import { failReasons, isTerminal } from "@cronium/protocol/run-states";
import type { ReactNode } from "react";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Duration } from "../../components/Duration.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Labels } from "../../components/Labels.tsx";
import { StateBadge } from "../../components/StateBadge.tsx";
import { Time } from "../../components/Time.tsx";
import { durationText } from "../../lib/duration.ts";
import { t } from "../../lib/text.ts";
import { Facts } from "../../ui/Facts.tsx";

export function AttemptTable({ run }: { readonly run: Run }): ReactNode {
  return (
    <>
      {run.attempts.length === 0 ? (
        <EmptyState title={t("attempts.none")} help={t("attempts.noneHelp")} />
      ) : (
        <DataTable
          label={t("tab.attempts")}
          columns={columns(run)}
          rows={run.attempts.toReversed()}
          rowKey={(attempt) => String(attempt.attempt)}
        />
      )}
      <div className="px-4 py-4 text-12 lg:px-6">
        <Facts
          rows={[
            [t("run.id"), <code className="font-mono">{run.id}</code>],
            [t("run.timeout"), durationText(run.timeoutMs)],
            [t("run.memory"), `${run.memoryMb} MB`],
            [t("run.labels"), <Labels labels={run.labels} none={t("event.none")} />],
          ]}
        />
      </div>
    </>
  );
}

function columns(run: Run): readonly Column<Attempt>[] {
  return [
    { key: "attempt", title: t("column.attempt"), cell: (attempt) => attempt.attempt },
    { key: "state", title: t("column.state"), cell: (attempt) => <StateBadge of="attempt" state={attempt.state} /> },
    {
      key: "why",
      title: t("attempts.result"),
      grows: true,
      cell: (attempt) => (
        <span className="block truncate text-dim" title={why(attempt)}>
          {why(attempt)}
        </span>
      ),
    },
    {
      key: "runner",
      title: t("attempts.runner"),
      from: "md",
      cell: (attempt) => attempt.runnerName ?? <span className="text-faint">–</span>,
    },
    {
      key: "ran",
      title: t("attempts.ran"),
      from: "sm",
      align: "right",
      cell: (attempt) => (
        <Duration
          from={attempt.startedAt}
          to={attempt.exitedAt ?? attempt.finishedAt}
          running={attempt.attempt === run.attempt && !isTerminal(run.state)}
        />
      ),
    },
    {
      key: "offered",
      title: t("attempts.offered"),
      align: "right",
      cell: (attempt) => <Time at={attempt.offeredAt} />,
    },
  ];
}

function why(attempt: Attempt): string {
  const reason = attempt.failReason;
  const known =
    reason !== null && Object.hasOwn(failReasons, reason) ? failReasons[reason as keyof typeof failReasons] : null;
  const cause = attempt.message ?? known;
  const end = attempt.signal ?? (attempt.exitCode === null ? null : `${t("run.exitCode")} ${attempt.exitCode}`);
  return [cause, end, attempt.late ? t("run.late") : null].filter((part) => part !== null).join(" · ");
}
