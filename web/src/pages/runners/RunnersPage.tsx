import type { Runner } from "@cronium/protocol/runner-view";
import { notReadyReasons, runnerStates } from "@cronium/protocol/runner-states";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import type { ReactNode } from "react";
import { itemsOf } from "../../api/page.ts";
import { runnersQuery } from "../../api/runners.ts";
import { type Column, DataTable, rowLink } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Labels } from "../../components/Labels.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { StateBadge } from "../../components/StateBadge.tsx";
import { Time } from "../../components/Time.tsx";
import { AddRunnerForm } from "../../forms/AddRunnerForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { formatBytes } from "../../lib/duration.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";
import { Tip } from "../../ui/Tip.tsx";
import { target } from "../../ui/TextLink.tsx";
import { QuarantineBanner } from "./QuarantineBanner.tsx";
import { RunnerActions } from "./RunnerActions.tsx";

export interface RunnersSearch {
  readonly add?: boolean | undefined;
}

export function RunnersPage(): ReactNode {
  useTitle(t("runners.title"));
  const query = useInfiniteQuery(runnersQuery());
  const runners = itemsOf(query.data);
  const { add = false }: RunnersSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = (isOpen: boolean): void =>
    void navigate({ ...target(paths.runners(), isOpen ? { add: true } : {}), replace: true });
  const addButton = (
    <Button look="primary" icon={<Plus {...icon} />} onClick={() => show(true)}>
      {t("runners.add")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("runners.title")} actions={addButton} />
      <Loadable query={query} rows={3}>
        {() =>
          runners.length === 0 ? (
            <EmptyState title={t("runners.none")} help={t("runners.noneHelp")} action={addButton} />
          ) : (
            <>
              <QuarantineBanner runners={runners} />
              <DataTable label={t("runners.title")} columns={columns} rows={runners} rowKey={(runner) => runner.id} />
            </>
          )
        }
      </Loadable>
      {add ? <AddRunnerForm onClose={() => show(false)} /> : null}
    </>
  );
}

const columns: readonly Column<Runner>[] = [
  { key: "state", title: t("runners.state"), cell: (runner) => <RunnerState runner={runner} /> },
  {
    key: "name",
    title: t("runners.name"),
    grows: true,
    cell: (runner) => (
      <span className="flex min-w-0 items-baseline gap-2">
        <Link
          {...target(paths.runner(runner.id))}
          className={classes("max-w-full shrink-0 truncate font-medium", rowLink)}
          title={runner.name}
        >
          {runner.name}
        </Link>
        <Polling runner={runner} />
        <OneJob runner={runner} />
        <Paused runner={runner} />
        <NotReady runner={runner} />
      </span>
    ),
  },
  {
    key: "slots",
    title: t("runners.slots"),
    align: "right",
    cell: (runner) => (
      <span title={t("runners.slotsUsed", runner.slotsUsed, runner.slots)}>
        {runner.slotsUsed}/{runner.slots}
      </span>
    ),
  },
  {
    key: "labels",
    title: t("runners.labels"),
    from: "lg",
    cell: (runner) => (
      <span className="block max-w-56 truncate">
        <Labels labels={runner.labels} none={t("runners.noLabels")} />
      </span>
    ),
  },
  { key: "platform", title: t("runners.platform"), from: "md", cell: (runner) => <Machine runner={runner} /> },
  {
    key: "version",
    title: t("runners.version"),
    from: "lg",
    cell: (runner) => <span className="text-dim">{runner.version}</span>,
  },
  {
    key: "latency",
    title: t("runners.latency"),
    from: "xl",
    align: "right",
    cell: (runner) =>
      runner.latencyMs === null ? <span className="text-faint">–</span> : `${Math.round(runner.latencyMs)} ms`,
  },
  {
    key: "seen",
    title: t("runners.seen"),
    from: "sm",
    align: "right",
    cell: (runner) => <Time at={runner.lastSeenAt} />,
  },
  { key: "actions", title: t("runners.actions"), align: "right", cell: (runner) => <RunnerActions runner={runner} /> },
];

function RunnerState({ runner }: { readonly runner: Runner }): ReactNode {
  return (
    <Tip text={runnerStates[runner.state] ?? ""}>
      <span>
        <StateBadge of="runner" state={runner.state} />
      </span>
    </Tip>
  );
}

/** Named only where it is not the usual way. */
function Polling({ runner }: { readonly runner: Runner }): ReactNode {
  return runner.transport === "polling" ? (
    <Tip text={t("runners.pollingWhy")}>
      <span className="text-12 text-faint">{t("runners.polling")}</span>
    </Tip>
  ) : null;
}

function OneJob({ runner }: { readonly runner: Runner }): ReactNode {
  return runner.ephemeral ? (
    <Tip text={t("runners.oneJobWhy")}>
      <span className="text-12 text-faint">{t("runners.oneJob")}</span>
    </Tip>
  ) : null;
}

function Paused({ runner }: { readonly runner: Runner }): ReactNode {
  const note = runner.paused?.note ?? "";
  return note === "" ? null : (
    <span className="min-w-0 truncate text-12 text-dim" title={note}>
      {note}
    </span>
  );
}

/** What it cannot do now, or does in spite of a fault, and how to change that. */
function NotReady({ runner }: { readonly runner: Runner }): ReactNode {
  const texts = runner.notReady.map((reason) =>
    Object.hasOwn(notReadyReasons, reason) ? notReadyReasons[reason as keyof typeof notReadyReasons] : reason,
  );
  texts.push(...runner.warnings.map(({ message }) => message));
  return texts.length === 0 ? null : (
    <span className="min-w-0 truncate text-12 text-warn" title={texts.join(" ")}>
      {texts.join(" ")}
    </span>
  );
}

function Machine({ runner }: { readonly runner: Runner }): ReactNode {
  const { platform } = runner;
  if (platform === null) {
    return <span className="text-faint">–</span>;
  }
  return (
    <span
      className="text-dim"
      title={`${platform.hostname} · ${platform.os} · Node ${platform.node} · Docker ${platform.docker ?? t("addRunner.noDocker")}`}
    >
      {platform.os.split(" ")[0]} {platform.arch} ·{" "}
      {t("runners.machine", platform.cpus, formatBytes(platform.memoryMb * 1_048_576))}
    </span>
  );
}
