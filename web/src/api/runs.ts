import type { Run, RunSummary } from "@cronium/protocol/run";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { type RunFilter, keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const runsQuery = (filter: RunFilter) =>
  infiniteQueryOptions({
    queryKey: keys.runs(filter),
    queryFn: ({ pageParam, signal }) =>
      request<Page<RunSummary>>(apiPaths.runs(), {
        query: {
          state: filter.state,
          eventId: filter.eventId,
          deadLetter: filter.deadLetter === true ? "true" : undefined,
          cursor: pageParam ?? undefined,
          limit: 50,
        },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: keys.run(id),
    queryFn: ({ signal }) => request<Run>(apiPaths.run(id), { signal }),
  });

export function cancelRun(id: string): Promise<unknown> {
  return request(apiPaths.runCancel(id), { method: "POST", body: {} });
}

/** Puts a dead letter back into the queue as the same run. Throws `not_dead_letter` for any other. */
export function requeueRun(id: string, idempotencyKey: string): Promise<unknown> {
  return request(apiPaths.runRequeue(id), { method: "POST", idempotencyKey });
}
