/** Schedules, the next times of one that need not exist, and what became of those of the past. */
import type {
  Backfill,
  CreateSchedule,
  PauseSchedule,
  PreviewedFire,
  PreviewSchedule,
  ResumeSchedule,
  SchedulePreview,
  StartBackfill,
  UpdateSchedule,
  WhyAnswer,
} from "@cronium/protocol/api/schedules";
import type { Lateness, Occurrence, Schedule } from "@cronium/protocol/schedule";
import { nextChange } from "@cronium/protocol/zone";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys, type OccurrenceFilter } from "./keys.ts";
import type { Page } from "./page.ts";

const REFRESH_MS = 10_000;
const BACKFILL_REFRESH_MS = 1_000;

export const schedulesQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.schedules(),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Schedule>>(apiPaths.schedules(), { query: { cursor: pageParam ?? undefined, limit: 100 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: REFRESH_MS,
  });

const ALL_PAGES = 20;

/** All of them, up to two thousand; `isCut` where there are more. */
export const allSchedulesQuery = () =>
  queryOptions({
    queryKey: keys.allSchedules(),
    queryFn: async ({ signal }) => {
      const items: Schedule[] = [];
      let cursor: string | null = null;
      for (let pages = 0; pages < ALL_PAGES; pages += 1) {
        const query = { limit: 100, cursor: cursor ?? undefined };
        const page: Page<Schedule> = await request(apiPaths.schedules(), { query, signal });
        items.push(...page.items);
        cursor = page.nextCursor;
        if (cursor === null) {
          break;
        }
      }
      return { items, isCut: cursor !== null };
    },
    staleTime: 60_000,
  });

export const scheduleQuery = (id: string) =>
  queryOptions({
    queryKey: keys.schedule(id),
    queryFn: ({ signal }) => request<Schedule>(apiPaths.schedule(id), { signal }),
    refetchInterval: REFRESH_MS,
  });

export const scheduleLatenessQuery = (id: string) =>
  queryOptions({
    queryKey: keys.scheduleLateness(id),
    queryFn: ({ signal }) => request<Lateness>(apiPaths.scheduleLateness(id), { signal }),
    refetchInterval: REFRESH_MS,
  });

export const occurrencesQuery = (filter: OccurrenceFilter) =>
  infiniteQueryOptions({
    queryKey: keys.occurrences(filter),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Occurrence>>(apiPaths.occurrences(), {
        query: { cursor: pageParam ?? undefined, limit: 50, ...filter },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: REFRESH_MS,
  });

/** `at`: any time, ISO 8601. */
export const whyQuery = (id: string, at: string) =>
  queryOptions({
    queryKey: keys.why(id, at),
    queryFn: ({ signal }) => request<WhyAnswer>(apiPaths.scheduleWhy(id), { query: { at }, signal }),
    refetchInterval: REFRESH_MS,
  });

export type PreviewAsk = Pick<PreviewSchedule, "timing" | "timezone"> &
  Partial<Pick<PreviewSchedule, "startAt" | "endAt" | "blackouts" | "jitterMs" | "scheduleId">>;

/** Fails with what saving it would be refused with. */
export const schedulePreviewQuery = (ask: PreviewAsk) =>
  queryOptions({
    queryKey: keys.schedulePreview(ask),
    queryFn: ({ signal }) =>
      request<SchedulePreview>(apiPaths.schedulePreview(), { method: "POST", body: { ...ask, count: 5 }, signal }),
    retry: false,
  });

const YEAR_MS = 366 * 86_400_000;

/** Times within a year that a change of clocks moves, or that its clock shows twice; each with a note. */
export const clockChangesQuery = (ask: PreviewAsk) =>
  queryOptions({
    queryKey: keys.clockChanges(ask),
    queryFn: async ({ signal }) => {
      const touched: PreviewedFire[] = [];
      const now = Date.now();
      for (let from = now; ;) {
        const change = nextChange(ask.timezone, from, now + YEAR_MS);
        if (change === null) {
          return touched;
        }
        // What is shown twice fires before the change, by no more than it is set back.
        const after = new Date(change.at - Math.abs(change.after - change.before) - 1_000).toISOString();
        const body = { ...ask, after, count: 100 };
        const { fires } = await request<SchedulePreview>(apiPaths.schedulePreview(), { method: "POST", body, signal });
        touched.push(...fires.filter((fire) => fire.clockChange !== null && Date.parse(fire.nominalAt) <= change.at));
        from = change.at;
      }
    },
    staleTime: 60 * 60_000,
    retry: false,
  });

export function createSchedule(body: Omit<CreateSchedule, "enabled">): Promise<Schedule> {
  return request<Schedule>(apiPaths.schedules(), { method: "POST", body });
}

/** Throws `version_conflict` when `version` is no longer the newest. */
export function updateSchedule(id: string, version: number, body: UpdateSchedule): Promise<Schedule> {
  return request<Schedule>(apiPaths.schedule(id), { method: "PATCH", body, ifMatch: version });
}

export function deleteSchedule({ id, version }: Pick<Schedule, "id" | "version">): Promise<void> {
  return request(apiPaths.schedule(id), { method: "DELETE", ifMatch: version });
}

export function pauseSchedule({ id, ...body }: { readonly id: string } & Partial<PauseSchedule>): Promise<Schedule> {
  return request<Schedule>(apiPaths.schedulePause(id), { method: "POST", body });
}

export function resumeSchedule({ id, ...body }: { readonly id: string } & Partial<ResumeSchedule>): Promise<Schedule> {
  return request<Schedule>(apiPaths.scheduleResume(id), { method: "POST", body });
}

/** How many runs it would be, and of which times. */
export const backfillCountQuery = (id: string, ask: Omit<StartBackfill, "dryRun">) =>
  queryOptions({
    queryKey: keys.backfillCount(id, ask),
    queryFn: ({ signal }) =>
      request<Backfill>(apiPaths.scheduleBackfill(id), { method: "POST", body: { ...ask, dryRun: true }, signal }),
    retry: false,
  });

export function startBackfill(id: string, ask: Omit<StartBackfill, "dryRun">): Promise<Backfill> {
  return request<Backfill>(apiPaths.scheduleBackfill(id), { method: "POST", body: { ...ask, dryRun: false } });
}

export const backfillQuery = (id: string) =>
  queryOptions({
    queryKey: keys.backfill(id),
    queryFn: ({ signal }) => request<Backfill>(apiPaths.backfill(id), { signal }),
    refetchInterval: ({ state }) => (state.data?.state === "finished" ? false : BACKFILL_REFRESH_MS),
  });
