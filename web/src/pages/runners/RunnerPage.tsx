import type { RunnerDetail } from "@cronium/protocol/runner-view";
import { notReadyReasons } from "@cronium/protocol/runner-states";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { runnerQuery } from "../../api/runners.ts";
import { CopyAs } from "../../components/CopyAs.tsx";
import { type Column, DataTable, rowLink } from "../../components/DataTable.tsx";
import { Labels } from "../../components/Labels.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { StateBadge } from "../../components/StateBadge.tsx";
import { Time } from "../../components/Time.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Facts, type FactRow } from "../../ui/Facts.tsx";
import { TextLink } from "../../ui/TextLink.tsx";
import { machineRows, nowRows } from "./machine-rows.tsx";
import { QuarantineBanner } from "./QuarantineBanner.tsx";
import { RunnerControls } from "./RunnerControls.tsx";

/** One runner: what it does now, how its machine does, and what that is. */
export function RunnerPage(): ReactNode {
  const { runnerId = "" } = useParams({ strict: false });
  const query = useQuery(runnerQuery(runnerId));
  useTitle(query.data?.name ?? t("runners.title"));
  return <Loadable query={query}>{(runner) => <Loaded runner={runner} />}</Loadable>;
}

function Loaded({ runner }: { readonly runner: RunnerDetail }): ReactNode {
  return (
    <>
      <PageHead
        title={<span className="line-clamp-2">{runner.name}</span>}
        beside={<StateBadge of="runner" state={runner.state} size="title" />}
        actions={
          <>
            <span className="max-sm:hidden">
              <CopyAs
                forms={[
                  { label: t("copy.id"), text: () => runner.id },
                  { label: t("copy.json"), text: () => JSON.stringify(runner, null, 2) },
                ]}
              />
            </span>
            <RunnerControls runner={runner} />
          </>
        }
      />
      <QuarantineBanner runners={[runner]} />
      <div className="grid gap-x-12 gap-y-6 px-4 py-3 text-13 md:grid-cols-2 lg:px-6">
        <Section title={t("runner.doing")}>
          <Facts rows={[...pauseRows(runner), ...warningRows(runner), ...nowRows(runner)]} />
        </Section>
        <Section title={t("runner.machine")}>
          <Facts rows={[...machineRows(runner), ...ownRows(runner)]} />
        </Section>
      </div>
      <section>
        <h2 className="px-4 pb-2 pt-3 text-13 font-semibold lg:px-6">{t("runner.jobs")}</h2>
        {runner.jobs.length === 0 ? (
          <p className="px-4 text-13 text-dim lg:px-6">{t("runner.noJobs")}</p>
        ) : (
          <DataTable
            label={t("runner.jobs")}
            columns={jobColumns}
            rows={runner.jobs}
            rowKey={(job) => `${job.runId}:${job.attempt}`}
          />
        )}
      </section>
    </>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <section className="flex min-w-0 flex-col gap-2">
      <h2 className="text-13 font-semibold">{title}</h2>
      {children}
    </section>
  );
}

function pauseRows({ paused }: RunnerDetail): FactRow[] {
  if (paused === null) {
    return [];
  }
  const note = paused.by === "machine" ? t("runner.pausedByMachine") : paused.note;
  return [
    [t("runner.pausedSince"), <Time at={paused.at} />],
    ...(note === "" ? [] : [[t("runner.note"), <span className="break-words">{note}</span>] as const]),
    ...(paused.until === null ? [] : [[t("runner.pausedUntil"), <Time at={paused.until} />] as const]),
  ];
}

function warningRows({ notReady, warnings }: RunnerDetail): FactRow[] {
  const texts = notReady.map((reason) =>
    Object.hasOwn(notReadyReasons, reason) ? notReadyReasons[reason as keyof typeof notReadyReasons] : reason,
  );
  return [...texts, ...warnings.map(({ message }) => message)].map((text) => [
    t("runner.notReady"),
    <span className="text-warn">{text}</span>,
  ]);
}

function ownRows(runner: RunnerDetail): FactRow[] {
  return [
    [t("runners.labels"), <Labels labels={runner.labels} none={t("runners.noLabels")} />],
    [t("runners.version"), runner.version],
    [t("runner.connected"), <Time at={runner.connectedAt} />],
    [t("runners.seen"), <Time at={runner.lastSeenAt} />],
    [t("runner.registered"), <Time at={runner.createdAt} />],
  ];
}

const jobColumns: readonly Column<RunnerDetail["jobs"][number]>[] = [
  { key: "state", title: t("column.state"), cell: (job) => <StateBadge of="run" state={job.state} /> },
  {
    key: "event",
    title: t("column.event"),
    grows: true,
    cell: (job) => (
      <TextLink to={paths.run(job.runId)} quiet className={`block truncate font-medium ${rowLink}`}>
        {job.eventName}
      </TextLink>
    ),
  },
  { key: "attempt", title: t("column.attempt"), align: "right", cell: (job) => job.attempt },
  {
    key: "started",
    title: t("runner.started"),
    align: "right",
    cell: (job) => <Time at={job.startedAt} />,
  },
];
