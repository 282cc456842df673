import type { EventSummary } from "@cronium/protocol/api/events";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Play, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { eventsQuery } from "../../api/events.ts";
import { itemsOf } from "../../api/page.ts";
import { type Column, rowLink } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { PagedTable } from "../../components/PagedTable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { StateBadge } from "../../components/StateBadge.tsx";
import { TickStrip } from "../../components/TickStrip.tsx";
import { Time } from "../../components/Time.tsx";
import { RunForm } from "../../forms/RunForm.tsx";
import { curlPost } from "../../lib/curl.ts";
import { useTitle } from "../../lib/document-title.ts";
import { apiPaths, paths } from "../../lib/paths.ts";
import { runtimeName } from "../../lib/runtime-name.ts";
import { t } from "../../lib/text.ts";
import { IconButton, buttonClasses } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { TextLink, target } from "../../ui/TextLink.tsx";

export function EventsPage(): ReactNode {
  useTitle(t("events.title"));
  const query = useInfiniteQuery(eventsQuery());
  const events = itemsOf(query.data);
  const [running, setRunning] = useState<EventSummary | null>(null);
  const newEvent = (
    <Link {...target(paths.newEvent())} className={buttonClasses("primary")}>
      <Plus {...icon} />
      {t("events.new")}
    </Link>
  );
  return (
    <>
      <PageHead title={t("events.title")} actions={newEvent} />
      <PagedTable
        label={t("events.title")}
        query={query}
        loading={8}
        columns={columns(setRunning)}
        rows={events}
        rowKey={(event) => event.id}
        empty={
          <EmptyState
            title={t("events.none")}
            help={t("events.noneHelp")}
            command={curlPost(location.origin, apiPaths.events(), {
              name: "Hello",
              kind: "script",
              runtime: "bash",
              script: "echo hello",
            })}
            action={newEvent}
          />
        }
      />
      {running === null ? null : (
        <RunForm eventId={running.id} eventName={running.name} onClose={() => setRunning(null)} />
      )}
    </>
  );
}

function columns(onRun: (event: EventSummary) => void): readonly Column<EventSummary>[] {
  return [
    {
      key: "name",
      title: t("events.name"),
      grows: true,
      cell: (event) => (
        <span className="flex min-w-0 items-baseline gap-2">
          <TextLink
            to={paths.event(event.id)}
            quiet
            className={`min-w-0 truncate font-medium ${rowLink}`}
            title={event.name}
          >
            {event.name}
          </TextLink>
          <span className="shrink-0 text-12 text-faint">@{event.version}</span>
          <span className="hidden min-w-0 flex-1 truncate text-12 text-faint xl:inline">{event.description}</span>
        </span>
      ),
    },
    {
      key: "runtime",
      title: t("events.runtime"),
      from: "md",
      cell: (event) => <span className="text-dim">{runtimeName(event.runtime)}</span>,
    },
    { key: "recent", title: t("events.recent"), from: "sm", cell: (event) => <TickStrip runs={event.recentRuns} /> },
    { key: "last", title: t("events.last"), cell: (event) => <LastRun event={event} /> },
    {
      key: "updated",
      title: t("events.updated"),
      from: "lg",
      align: "right",
      cell: (event) => <Time at={event.updatedAt} />,
    },
    {
      key: "run",
      title: "",
      align: "right",
      cell: (event) => (
        <span className="relative z-10">
          <IconButton size="small" label={t("events.runNamed", event.name)} onClick={() => onRun(event)}>
            <Play {...icon} />
          </IconButton>
        </span>
      ),
    },
  ];
}

function LastRun({ event }: { readonly event: EventSummary }): ReactNode {
  const last = event.recentRuns[0];
  return last === undefined ? (
    <span className="text-faint">{t("events.never")}</span>
  ) : (
    <TextLink to={paths.run(last.id)} quiet className="relative z-10 block w-fit">
      <StateBadge of="run" state={last.state} />
    </TextLink>
  );
}
