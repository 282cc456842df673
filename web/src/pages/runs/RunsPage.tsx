import { isDeadLetter, type RunState, runStates } from "@cronium/protocol/run-states";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowUp, ListFilter, X } from "lucide-react";
import type { ReactNode } from "react";
import { useAskerNames } from "../../api/askers.ts";
import { eventQuery } from "../../api/events.ts";
import { type RunFilter, keys } from "../../api/keys.ts";
import { itemsOf } from "../../api/page.ts";
import { runsQuery } from "../../api/runs.ts";
import { useNewRuns } from "../../api/workspace-live.ts";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { RunTable } from "../../components/RunTable.tsx";
import { curlPost } from "../../lib/curl.ts";
import { useTitle } from "../../lib/document-title.ts";
import { apiPaths, paths } from "../../lib/paths.ts";
import { stateWord, t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";
import { Menu, MenuItem } from "../../ui/Menu.tsx";
import { target } from "../../ui/TextLink.tsx";
import { BulkMenu } from "./BulkMenu.tsx";

const QUICK: readonly RunState[] = ["queued", "running", "succeeded", "failed"];
const OTHERS = runStates.filter((state) => !QUICK.includes(state));

export function RunsPage(): ReactNode {
  useTitle(t("runs.title"));
  const filter: RunFilter = useSearch({ strict: false });
  const query = useInfiniteQuery(runsQuery(filter));
  const runs = itemsOf(query.data);
  const nameOf = useAskerNames();
  const isFiltered = filter.state !== undefined || filter.eventId !== undefined || filter.deadLetter === true;
  return (
    <>
      <PageHead title={t("runs.title")} />
      <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 pb-2 lg:px-6">
        <StateFilter filter={filter} />
        {filter.eventId === undefined ? null : <EventToken eventId={filter.eventId} state={filter.state} />}
        {isFiltered ? <BulkMenu filter={filter} /> : null}
        <NewRunsButton filter={filter} newest={runs[0]?.queuedAt ?? ""} shown={runs.map((run) => run.id)} />
      </div>
      <Loadable query={query}>
        {() =>
          runs.length === 0 ? (
            isFiltered ? (
              <EmptyState
                title={filter.deadLetter === true ? t("runs.noDead") : t("runs.noMatch")}
                help={filter.deadLetter === true ? t("runs.deadHelp") : t("runs.noMatchHelp")}
                action={
                  <Link {...target(paths.runs())} className={buttonClasses()}>
                    {t("action.clearFilters")}
                  </Link>
                }
              />
            ) : (
              <NoRuns />
            )
          ) : (
            <>
              <RunTable runs={runs} label={t("runs.title")} withEvent nameOf={nameOf} />
              <div className="flex items-center gap-3 px-4 py-3 lg:px-6">
                {query.hasNextPage ? (
                  <Button size="small" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    {t("action.loadMore")}
                  </Button>
                ) : null}
                <span className="text-12 text-faint">{t("runs.shown", runs.length)}</span>
                {query.isFetchNextPageError ? <ErrorLine error={query.error} /> : null}
              </div>
            </>
          )
        }
      </Loadable>
    </>
  );
}

function StateFilter({ filter }: { readonly filter: RunFilter }): ReactNode {
  const navigate = useNavigate();
  const search = (state: RunState | undefined): Record<string, unknown> => ({
    ...filter,
    state,
    deadLetter: undefined,
  });
  const isShown = (state: RunState | undefined): boolean => filter.state === state && filter.deadLetter !== true;
  const isOther = filter.state !== undefined && !QUICK.includes(filter.state);
  return (
    <div
      role="group"
      aria-label={t("runs.filter")}
      className="-mx-2 flex max-w-full items-center gap-1 overflow-x-auto px-2"
    >
      {[undefined, ...QUICK].map((state) => (
        <Link
          key={state ?? "all"}
          {...target(paths.runs(), search(state))}
          aria-current={isShown(state) ? "true" : undefined}
          className={classes(buttonClasses("ghost", "small"), isShown(state) && "bg-active! text-text!")}
        >
          {state === undefined ? t("runs.all") : stateWord(state)}
        </Link>
      ))}
      <Link
        {...target(paths.runs(), { ...filter, state: undefined, deadLetter: true })}
        aria-current={filter.deadLetter === true ? "true" : undefined}
        title={t("runs.deadHelp")}
        className={classes(buttonClasses("ghost", "small"), filter.deadLetter === true && "bg-active! text-text!")}
      >
        {t("runs.dead")}
      </Link>
      <Menu
        trigger={
          <button
            type="button"
            className={classes(buttonClasses("ghost", "small"), isOther && "bg-active! text-text!")}
          >
            <ListFilter {...icon} />
            {isOther && filter.state !== undefined ? stateWord(filter.state) : t("runs.otherStates")}
          </button>
        }
      >
        {OTHERS.map((state) => (
          <MenuItem key={state} onClick={() => void navigate(target(paths.runs(), search(state)))}>
            {stateWord(state)}
          </MenuItem>
        ))}
      </Menu>
    </div>
  );
}

function EventToken({ eventId, state }: { readonly eventId: string; readonly state: RunState | undefined }): ReactNode {
  const event = useQuery(eventQuery(eventId));
  return (
    <Link
      {...target(paths.runs(), { state })}
      className={classes(buttonClasses("plain", "small"), "max-w-72")}
      title={t("runs.dropEvent")}
    >
      <span className="truncate">{t("runs.ofEvent", event.data?.name ?? eventId)}</span>
      <X {...icon} className="shrink-0" />
      <span className="sr-only">{t("runs.dropEvent")}</span>
    </Link>
  );
}

/** New rows wait here: nothing moves under the pointer. */
function NewRunsButton(props: {
  readonly filter: RunFilter;
  readonly newest: string;
  readonly shown: readonly string[];
}): ReactNode {
  const client = useQueryClient();
  const waiting = useNewRuns();
  const shown = new Set(props.shown);
  const fresh = waiting.runs.filter(
    (run) =>
      !shown.has(run.id) &&
      run.queuedAt >= props.newest &&
      (props.filter.state === undefined || run.state === props.filter.state) &&
      (props.filter.eventId === undefined || run.eventId === props.filter.eventId) &&
      (props.filter.deadLetter !== true || isDeadLetter(run)),
  );
  if (fresh.length === 0) {
    return null;
  }
  const show = (): void => {
    waiting.clear();
    void client.resetQueries({ queryKey: keys.runs(props.filter), exact: true });
  };
  return (
    <Button size="small" look="primary" icon={<ArrowUp {...icon} />} onClick={show} className="ml-auto">
      {t("runs.new", fresh.length)}
    </Button>
  );
}

function NoRuns(): ReactNode {
  const body = { runtime: "bash", script: "echo hello" };
  return (
    <EmptyState
      title={t("runs.none")}
      help={t("runs.noneHelp")}
      command={curlPost(location.origin, apiPaths.runs(), body)}
      action={
        <Link {...target(paths.events())} className={buttonClasses("primary")}>
          {t("runs.noneAction")}
        </Link>
      }
    />
  );
}
