import type { Bulk, BulkAction, BulkPreview } from "@cronium/protocol/api/bulk";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { type RunFilter, keys } from "./keys.ts";

const POLL_MS = 1_000;

/** The filter of the list, as bulk work takes it. */
function bulkFilter({ state, eventId, deadLetter }: RunFilter): Record<string, unknown> {
  return {
    ...(state === undefined ? {} : { state: [state] }),
    ...(eventId === undefined ? {} : { eventId }),
    ...(deadLetter === true ? { deadLetter } : {}),
  };
}

/** How many runs it would be; counted anew each time it is asked. */
export const bulkPreviewQuery = (action: BulkAction, filter: RunFilter) =>
  queryOptions({
    queryKey: keys.bulkPreview(action, filter),
    queryFn: ({ signal }) =>
      request<BulkPreview>(apiPaths.bulk(), {
        method: "POST",
        body: { action, filter: bulkFilter(filter), dryRun: true },
        signal,
      }),
    staleTime: 0,
    gcTime: 0,
  });

export function startBulk(
  action: BulkAction,
  filter: RunFilter,
  idempotencyKey: string,
): Promise<{ readonly bulkId: string }> {
  return request(apiPaths.bulk(), { method: "POST", body: { action, filter: bulkFilter(filter) }, idempotencyKey });
}

/** Asked again while it is under way. */
export const bulkQuery = (id: string) =>
  queryOptions({
    queryKey: keys.bulk(id),
    queryFn: ({ signal }) => request<Bulk>(apiPaths.bulkWork(id), { signal }),
    refetchInterval: (query) => (query.state.data?.state === "running" ? POLL_MS : false),
  });

export function stopBulk(id: string): Promise<Bulk> {
  return request(apiPaths.bulkStop(id), { method: "POST" });
}
