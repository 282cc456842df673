import { type Role, roles } from "@cronium/protocol/roles";
import type { Event } from "@cronium/protocol/event";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Pencil, Play } from "lucide-react";
import { type ReactNode, useState } from "react";
import { meQuery } from "../../api/account.ts";
import { useAskerNames } from "../../api/askers.ts";
import { eventQuery } from "../../api/events.ts";
import { itemsOf } from "../../api/page.ts";
import { runsQuery } from "../../api/runs.ts";
import { useNewRuns } from "../../api/workspace-live.ts";
import { CodeView } from "../../components/code/CodeEditor.tsx";
import { CopyAs } from "../../components/CopyAs.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Labels } from "../../components/Labels.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { RunTable } from "../../components/RunTable.tsx";
import { TickStrip } from "../../components/TickStrip.tsx";
import { RunForm } from "../../forms/RunForm.tsx";
import { curlPost } from "../../lib/curl.ts";
import { useTitle } from "../../lib/document-title.ts";
import { between, durationText } from "../../lib/duration.ts";
import { apiPaths, paths } from "../../lib/paths.ts";
import { runtimeName } from "../../lib/runtime-name.ts";
import { t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { Facts } from "../../ui/Facts.tsx";
import { icon } from "../../ui/icons.ts";
import { TabPanel, Tabs } from "../../ui/Tabs.tsx";
import { TextLink, target } from "../../ui/TextLink.tsx";
import { ValuesPanel } from "../values/ValuesPanel.tsx";
import { VersionList } from "./VersionList.tsx";

export const eventTabs = ["runs", "script", "values", "versions"] as const;
export type EventTab = (typeof eventTabs)[number];

export function EventPage(): ReactNode {
  const { eventId = "" } = useParams({ strict: false });
  const query = useQuery(eventQuery(eventId));
  return <Loadable query={query}>{(event) => <LoadedEvent event={event} />}</Loadable>;
}

function LoadedEvent({ event }: { readonly event: Event }): ReactNode {
  const nameOf = useAskerNames();
  useTitle(event.name);
  const { tab = "runs" }: { readonly tab?: EventTab } = useSearch({ strict: false });
  const navigate = useNavigate();
  const [isRunning, setRunning] = useState(false);
  const me = useQuery(meQuery());
  const role: Role = roles.find((known) => known === me.data?.role) ?? "viewer";
  const runs = useEventRuns(event.id);
  const ticks = runs.items.map((run) => ({
    id: run.id,
    state: run.state,
    durationMs: between(run.startedAt, run.finishedAt),
  }));
  const command = curlPost(location.origin, apiPaths.eventRuns(event.id), {});
  return (
    <div className="flex flex-1 flex-col">
      <PageHead
        title={
          <span className="line-clamp-2">
            {event.name} <span className="font-normal text-faint">@{event.version}</span>
          </span>
        }
        actions={
          <>
            <span className="max-sm:hidden">
              <CopyAs
                forms={[
                  { label: t("copy.curl"), text: () => command },
                  { label: t("copy.json"), text: () => JSON.stringify(event, null, 2) },
                  { label: t("copy.id"), text: () => event.id },
                ]}
              />
            </span>
            <Link {...target(paths.editEvent(event.id))} className={buttonClasses()}>
              <Pencil {...icon} />
              {t("event.edit")}
            </Link>
            <Button look="primary" icon={<Play {...icon} />} onClick={() => setRunning(true)}>
              {t("event.run")}
            </Button>
          </>
        }
      >
        {event.description === "" ? null : (
          <p className="max-w-[68ch] whitespace-pre-line text-dim">{event.description}</p>
        )}
        <div className="flex flex-wrap items-end gap-x-4 gap-y-2 pt-1 text-12 text-faint">
          <TickStrip runs={ticks} tall />
          <span>{runtimeName(event.runtime)}</span>
          <span>
            {t("run.timeout")} {durationText(event.timeoutMs)}
          </span>
          <span>
            {t("run.memory")} {event.memoryMb} MB
          </span>
          {Object.keys(event.labels).length === 0 ? null : <Labels labels={event.labels} none={t("event.none")} />}
        </div>
      </PageHead>
      <Tabs
        fill
        label={event.name}
        value={tab}
        onChange={(next) =>
          void navigate({ ...target(paths.event(event.id), next === "runs" ? {} : { tab: next }), replace: true })
        }
        tabs={[
          { value: "runs", label: t("event.tabRuns") },
          { value: "script", label: t("event.tabScript") },
          { value: "values", label: t("event.tabValues") },
          { value: "versions", label: t("event.tabVersions") },
        ]}
      >
        <TabPanel value="runs">
          <Loadable query={runs.query}>
            {() =>
              runs.items.length === 0 ? (
                <EmptyState title={t("event.noRuns")} help={t("event.noRunsHelp")} command={command} />
              ) : (
                <>
                  <RunTable runs={runs.items} label={t("event.tabRuns")} withEvent={false} nameOf={nameOf} />
                  {runs.query.hasNextPage ? (
                    <p className="px-4 py-3 lg:px-6">
                      <TextLink to={paths.runs()} search={{ eventId: event.id }}>
                        {t("event.allRuns")}
                      </TextLink>
                    </p>
                  ) : null}
                </>
              )
            }
          </Loadable>
        </TabPanel>
        <TabPanel value="script" className="flex flex-1 flex-col lg:flex-row">
          <CodeView
            label={t("event.tabScript")}
            language={event.runtime}
            value={event.script}
            className="min-h-80 flex-1"
          />
          <aside
            aria-label={t("event.settings")}
            className="border-line px-4 py-4 text-12 max-lg:border-t lg:w-88 lg:border-l"
          >
            <Facts rows={settings(event)} />
          </aside>
        </TabPanel>
        <TabPanel value="values">
          <ValuesPanel role={role} eventId={event.id} />
        </TabPanel>
        <TabPanel value="versions" className="flex flex-1 flex-col">
          <VersionList eventId={event.id} current={event.version} />
        </TabPanel>
      </Tabs>
      {isRunning ? <RunForm eventId={event.id} eventName={event.name} onClose={() => setRunning(false)} /> : null}
    </div>
  );
}

/** The newest runs of this event; here new ones come in by themselves, because the list is watched, not searched. */
function useEventRuns(eventId: string) {
  const query = useInfiniteQuery(runsQuery({ eventId }));
  const loaded = itemsOf(query.data);
  const known = new Set(loaded.map((run) => run.id));
  const newest = loaded[0]?.queuedAt ?? "";
  const fresh = useNewRuns()
    .runs.filter((run) => run.eventId === eventId && !known.has(run.id) && run.queuedAt >= newest)
    .toSorted((a, b) => b.queuedAt.localeCompare(a.queuedAt));
  return { query, items: [...fresh, ...loaded] };
}

function settings(event: Event): readonly (readonly [string, ReactNode])[] {
  const mounts = Object.fromEntries(event.mounts.map((mount) => [mount.name, mount.target]));
  return [
    [t("editor.runtime"), runtimeName(event.runtime)],
    [t("editor.timeout"), durationText(event.timeoutMs)],
    [t("run.memory"), `${event.memoryMb} MB`],
    [t("editor.labels"), <Labels labels={event.labels} none={t("event.none")} />],
    [t("editor.mounts"), <Labels labels={mounts} none={t("event.none")} />],
    [t("editor.env"), <Labels labels={event.env} none={t("event.none")} />],
    [t("picker.secrets"), event.secrets.length === 0 ? t("event.none") : event.secrets.join(", ")],
    [t("editor.scriptRetries"), event.scriptRetries],
    [t("editor.maxAttempts"), event.maxAttempts],
    [t("editor.onLost"), t(`editor.onLost.${event.onLost}`)],
  ];
}
