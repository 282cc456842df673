import type { EventSummary, NewEvent, RunAccepted, UpdateEvent } from "@cronium/protocol/api/events";
import type { Event } from "@cronium/protocol/event";
import type { Json } from "@cronium/protocol/json";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const eventsQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.events(),
    queryFn: ({ pageParam, signal }) =>
      request<Page<EventSummary>>(apiPaths.events(), { query: { cursor: pageParam ?? undefined, limit: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const eventQuery = (id: string) =>
  queryOptions({
    queryKey: keys.event(id),
    queryFn: ({ signal }) => request<Event>(apiPaths.event(id), { signal }),
  });

export const eventVersionsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: keys.eventVersions(id),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Event>>(apiPaths.eventVersions(id), {
        query: { cursor: pageParam ?? undefined, limit: 20 },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export function createEvent(body: NewEvent, idempotencyKey: string): Promise<Event> {
  return request<Event>(apiPaths.events(), { method: "POST", body, idempotencyKey });
}

/** Throws `version_conflict` when `body.version` is no longer the newest. */
export function updateEvent(id: string, body: UpdateEvent): Promise<Event> {
  return request<Event>(apiPaths.event(id), { method: "PATCH", body });
}

export function triggerRun(id: string, input: Json, idempotencyKey: string): Promise<RunAccepted> {
  return request<RunAccepted>(apiPaths.eventRuns(id), { method: "POST", body: { input }, idempotencyKey });
}
