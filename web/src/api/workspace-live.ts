/**
 * Changes of the whole workspace, applied to the lists in the query cache. The socket carries no history: after a
 * reconnect the lists are loaded again. Rows that are shown change in place; runs that are not shown yet wait in
 * `newRuns` until the reader asks for them, because nothing may move under the pointer.
 */
import type { EventSummary } from "@cronium/protocol/api/events";
import type { WorkspaceLiveMessage } from "@cronium/protocol/live";
import type { Run, RunSummary } from "@cronium/protocol/run";
import type { Runner } from "@cronium/protocol/runner-view";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { between } from "../lib/duration.ts";
import { apiPaths } from "../lib/paths.ts";
import { keys } from "./keys.ts";
import { type ConnectionStatus, openLiveSocket } from "./live-socket.ts";
import { type Pages, itemsOf, mapItems } from "./page.ts";

const MAX_TICKS = 30;

class NewRuns {
  private runs = new Map<string, RunSummary>();
  private list: readonly RunSummary[] = [];
  private readonly listeners = new Set<() => void>();

  add(run: RunSummary): void {
    const known = this.runs.get(run.id);
    if (known === undefined || known.rev < run.rev) {
      this.runs.set(run.id, run);
      this.changed();
    }
  }

  clear(): void {
    this.runs.clear();
    this.changed();
  }

  all = (): readonly RunSummary[] => this.list;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private changed(): void {
    this.list = [...this.runs.values()];
    for (const listener of this.listeners) {
      listener();
    }
  }
}

const newRuns = new NewRuns();

/** Runs that began after the lists were loaded. */
export function useNewRuns(): { readonly runs: readonly RunSummary[]; readonly clear: () => void } {
  const runs = useSyncExternalStore(newRuns.subscribe, newRuns.all);
  return { runs, clear: () => newRuns.clear() };
}

/** Keeps every list live while the dashboard is open. */
export function useWorkspaceLive(): ConnectionStatus {
  const client = useQueryClient();
  const [status, setStatus] = useState<ConnectionStatus>("connecting");
  useEffect(() => {
    let wasOpen = false;
    return openLiveSocket({
      path: apiPaths.workspaceLive,
      onStatus: (next) => {
        setStatus(next);
        if (next === "open") {
          if (wasOpen) {
            newRuns.clear();
            void client.invalidateQueries();
          }
          wasOpen = true;
        }
      },
      onText: (message) => apply(client, message as WorkspaceLiveMessage),
    });
  }, [client]);
  return status;
}

function apply(client: QueryClient, message: WorkspaceLiveMessage): void {
  switch (message.type) {
    case "run":
      applyRun(client, message.run);
      break;
    case "runner":
      applyRunner(client, message.runner);
      break;
    case "runner_removed":
      client.setQueryData<Pages<Runner>>(keys.runners(), (pages) =>
        pages === undefined ? pages : withoutRunner(pages, message.runnerId),
      );
      break;
    default:
      // A newer control plane may say more than this page knows.
      message satisfies never;
  }
}

function applyRun(client: QueryClient, run: RunSummary): void {
  let isShown = false;
  client.setQueriesData<Pages<RunSummary>>({ queryKey: keys.allRuns() }, (pages) =>
    pages === undefined
      ? pages
      : mapItems(pages, (known) => {
          if (known.id !== run.id) {
            return known;
          }
          isShown = true;
          return known.rev < run.rev ? run : known;
        }),
  );
  if (!isShown) {
    newRuns.add(run);
  }
  client.setQueryData<Run>(keys.run(run.id), (known) =>
    known === undefined || known.rev >= run.rev ? known : { ...known, ...run },
  );
  client.setQueryData<Pages<EventSummary>>(keys.events(), (pages) =>
    pages === undefined ? pages : mapItems(pages, (event) => (event.id === run.eventId ? withTick(event, run) : event)),
  );
}

function withTick(event: EventSummary, run: RunSummary): EventSummary {
  const tick = { id: run.id, state: run.state, durationMs: between(run.startedAt, run.finishedAt) };
  const isKnown = event.recentRuns.some((known) => known.id === run.id);
  const recentRuns = isKnown
    ? event.recentRuns.map((known) => (known.id === run.id ? tick : known))
    : [tick, ...event.recentRuns].toSorted((a, b) => b.id.localeCompare(a.id)).slice(0, MAX_TICKS);
  return { ...event, recentRuns };
}

function applyRunner(client: QueryClient, runner: Runner): void {
  client.setQueryData<Pages<Runner>>(keys.runners(), (pages) => {
    if (pages === undefined) {
      return pages;
    }
    if (itemsOf(pages).some((known) => known.id === runner.id)) {
      return mapItems(pages, (known) => (known.id === runner.id && known.rev < runner.rev ? runner : known));
    }
    const [first, ...rest] = pages.pages;
    return first === undefined ? pages : { ...pages, pages: [{ ...first, items: [runner, ...first.items] }, ...rest] };
  });
}

function withoutRunner(pages: Pages<Runner>, runnerId: string): Pages<Runner> {
  const next = pages.pages.map((page) => ({ ...page, items: page.items.filter((runner) => runner.id !== runnerId) }));
  return { ...pages, pages: next };
}
