import type { RunSummary } from "@cronium/protocol/run";
import { isTerminal, queueReasons } from "@cronium/protocol/run-states";
import type { ReactNode } from "react";
import { paths } from "../lib/paths.ts";
import { runLabel } from "../lib/run-label.ts";
import { t } from "../lib/text.ts";
import { TextLink } from "../ui/TextLink.tsx";
import { type Column, DataTable, rowLink } from "./DataTable.tsx";
import { Duration } from "./Duration.tsx";
import { StateBadge } from "./StateBadge.tsx";
import { Time } from "./Time.tsx";
import { type NameOf, TriggerOf } from "./TriggerOf.tsx";

export interface RunTableProps {
  readonly runs: readonly RunSummary[];
  readonly label: string;
  /** Left out where every row has the same. */
  readonly withEvent: boolean;
  readonly nameOf: NameOf;
}

export function RunTable({ runs, label, withEvent, nameOf }: RunTableProps): ReactNode {
  const columns: readonly Column<RunSummary>[] = [
    { key: "state", title: t("column.state"), from: "sm", cell: (run) => <StateBadge of="run" state={run.state} /> },
    withEvent ? eventColumn : idColumn,
    {
      key: "trigger",
      title: t("column.trigger"),
      from: "lg",
      cell: (run) => <TriggerOf run={run} nameOf={nameOf} />,
    },
    { key: "runner", title: t("column.runner"), from: "lg", cell: runnerCell },
    {
      key: "attempt",
      title: t("column.attempt"),
      from: "xl",
      align: "right",
      cell: (run) => (run.attempt === 0 ? <span className="text-faint">–</span> : run.attempt),
    },
    {
      key: "duration",
      title: t("column.duration"),
      from: "sm",
      align: "right",
      cell: (run) => <Duration from={run.startedAt} to={run.finishedAt} running={!isTerminal(run.state)} />,
    },
    { key: "queued", title: t("column.queued"), from: "sm", align: "right", cell: (run) => <Time at={run.queuedAt} /> },
  ];
  return <DataTable label={label} columns={columns} rows={runs} rowKey={(run) => run.id} />;
}

const eventColumn: Column<RunSummary> = {
  key: "event",
  title: t("column.event"),
  grows: true,
  cell: (run) => <RunCell run={run} name={runLabel(run)} className="max-sm:font-medium" />,
};

const idColumn: Column<RunSummary> = {
  key: "run",
  title: t("run.title"),
  grows: true,
  cell: (run) => <RunCell run={run} name={run.id} className="font-mono text-12" />,
};

/** What was run and why it waits or failed; on phones the other columns stand in a second line. */
function RunCell({
  run,
  name,
  className,
}: {
  readonly run: RunSummary;
  readonly name: string;
  readonly className: string;
}): ReactNode {
  return (
    <>
      <span className="flex min-w-0 items-baseline gap-2 max-sm:pt-1.5">
        <TextLink to={paths.run(run.id)} quiet className={`min-w-0 truncate ${className} ${rowLink}`} title={name}>
          {name}
        </TextLink>
        {run.eventVersion === null ? null : <span className="shrink-0 text-12 text-faint">@{run.eventVersion}</span>}
        <Why run={run} />
      </span>
      <span className="flex items-center gap-3 pb-1.5 text-12 sm:hidden">
        <StateBadge of="run" state={run.state} />
        <span className="text-dim">
          <Duration from={run.startedAt} to={run.finishedAt} running={!isTerminal(run.state)} />
        </span>
        <span className="ml-auto text-dim">
          <Time at={run.queuedAt} />
        </span>
      </span>
    </>
  );
}

/** The reason of a run that waits or went wrong, one glance away. */
function Why({ run }: { readonly run: RunSummary }): ReactNode {
  const known =
    run.queueReason !== null && Object.hasOwn(queueReasons, run.queueReason)
      ? queueReasons[run.queueReason as keyof typeof queueReasons]
      : null;
  const text = run.message ?? known;
  return text === null || run.state === "succeeded" ? null : (
    <span className="hidden min-w-0 flex-1 truncate text-12 text-faint md:inline" title={text}>
      {text}
    </span>
  );
}

function runnerCell(run: RunSummary): ReactNode {
  return (
    <span className="inline-block max-w-40 truncate align-bottom text-dim" title={run.runnerName ?? undefined}>
      {run.runnerName ?? <span className="text-faint">–</span>}
    </span>
  );
}
