/** Schedules, the next times of one that need not exist, and what became of those of the past. */
import type { CreateSchedule, PreviewSchedule, ResumeSchedule, SchedulePreview } from "@cronium/protocol/api/schedules";
import type { OccurrenceDecision } from "@cronium/protocol/schedule-tables";
import type { Occurrence, Schedule } from "@cronium/protocol/schedule";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

const REFRESH_MS = 10_000;

export const schedulesQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.schedules(),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Schedule>>(apiPaths.schedules(), { query: { cursor: pageParam ?? undefined, limit: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: REFRESH_MS,
  });

export const occurrencesQuery = (decision: OccurrenceDecision | undefined) =>
  infiniteQueryOptions({
    queryKey: keys.occurrences(decision),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Occurrence>>(apiPaths.occurrences(), {
        query: { cursor: pageParam ?? undefined, limit: 50, decision },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: REFRESH_MS,
  });

export type PreviewAsk = Pick<PreviewSchedule, "timing" | "timezone">;

/** Fails with what saving it would be refused with. */
export const schedulePreviewQuery = (ask: PreviewAsk) =>
  queryOptions({
    queryKey: keys.schedulePreview(ask),
    queryFn: ({ signal }) =>
      request<SchedulePreview>(apiPaths.schedulePreview(), { method: "POST", body: { ...ask, count: 5 }, signal }),
    retry: false,
  });

export type NewSchedule = Pick<CreateSchedule, "eventId" | "timing" | "timezone" | "overlap"> & {
  readonly name?: string;
  readonly catchUp: { readonly mode: CreateSchedule["catchUp"]["mode"] };
};

export function createSchedule(body: NewSchedule): Promise<Schedule> {
  return request<Schedule>(apiPaths.schedules(), { method: "POST", body });
}

export function pauseSchedule(id: string): Promise<Schedule> {
  return request<Schedule>(apiPaths.schedulePause(id), { method: "POST", body: {} });
}

export function resumeSchedule({
  id,
  catchUp,
}: {
  readonly id: string;
  readonly catchUp: ResumeSchedule["catchUp"];
}): Promise<Schedule> {
  return request<Schedule>(apiPaths.scheduleResume(id), { method: "POST", body: { catchUp } });
}
