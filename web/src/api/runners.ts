import type {
  CreatedRegistrationToken,
  CreateRegistrationToken,
  RegistrationToken,
} from "@cronium/protocol/api/runners";
import type { Runner } from "@cronium/protocol/runner-view";
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
