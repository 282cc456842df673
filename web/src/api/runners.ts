import type {
  CreatedRegistrationToken,
  CreateRegistrationToken,
  RegistrationToken,
} from "@cronium/protocol/api/runners";
import type { Runner, RunnerDetail } from "@cronium/protocol/runner-view";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const runnersQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.runners(),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Runner>>(apiPaths.runners(), { query: { cursor: pageParam ?? undefined, limit: 200 }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** Its machine is asked how it does as often as this, and only while somebody looks. */
const LOOK_EVERY_MS = 5_000;

export const runnerQuery = (id: string) =>
  queryOptions({
    queryKey: keys.runner(id),
    queryFn: ({ signal }) => request<RunnerDetail>(apiPaths.runner(id), { signal }),
    refetchInterval: LOOK_EVERY_MS,
  });

/** Gives it no new work; without a time, until it is resumed. */
export function pauseRunner(
  id: string,
  body: { readonly note: string; readonly forSeconds?: number },
): Promise<Runner> {
  return request<Runner>(apiPaths.runnerPause(id), { method: "POST", body });
}

export function resumeRunner(id: string): Promise<Runner> {
  return request<Runner>(apiPaths.runnerResume(id), { method: "POST", body: {} });
}

/** It finishes what it has, and ends. */
export function drainRunner(id: string): Promise<Runner> {
  return request<Runner>(apiPaths.runnerDrain(id), { method: "POST", body: {} });
}

/** A token for one runner; the answer carries the command and is the only time the token is shown. */
export function mintRegistrationToken(idempotencyKey: string): Promise<CreatedRegistrationToken> {
  return request<CreatedRegistrationToken>(apiPaths.registrationTokens(), { method: "POST", body: {}, idempotencyKey });
}

/** The answer is the only time the token is shown. */
export function createRegistrationToken(body: Partial<CreateRegistrationToken>): Promise<CreatedRegistrationToken> {
  return request<CreatedRegistrationToken>(apiPaths.registrationTokens(), { method: "POST", body });
}

export const registrationTokensQuery = () =>
  queryOptions({
    queryKey: keys.registrationTokens(),
    queryFn: ({ signal }) => request<Page<RegistrationToken>>(apiPaths.registrationTokens(), { signal }),
    // Machines use them, and no live message says so.
    staleTime: 0,
  });

/** What it has registered stays. */
export function revokeRegistrationToken(id: string): Promise<void> {
  return request(apiPaths.registrationToken(id), { method: "DELETE" });
}

/** Ends its quarantine. */
export function releaseRunner(id: string): Promise<Runner> {
  return request<Runner>(apiPaths.runnerRelease(id), { method: "POST", body: {} });
}

/** For good: it is disconnected and may never connect again. */
export function revokeRunner(id: string): Promise<void> {
  return request(apiPaths.runner(id), { method: "DELETE" });
}
