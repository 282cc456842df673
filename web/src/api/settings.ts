/** API keys, one's own account, and the audit. */
import type { ApiKey, CreateApiKey, CreatedApiKey } from "@cronium/protocol/api/api-keys";
import type { AuditEntry, AuditVerdict } from "@cronium/protocol/api/audit";
import type { Session } from "@cronium/protocol/api/sessions";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { queryText, request } from "./http.ts";
import { type AuditFilter, keys } from "./keys.ts";
import type { Page } from "./page.ts";

export const apiKeysQuery = () =>
  queryOptions({
    queryKey: keys.apiKeys(),
    queryFn: ({ signal }) => request<Page<ApiKey>>(apiPaths.apiKeys(), { signal }),
  });

/** The answer is the only time the key is shown. */
export function createApiKey(body: CreateApiKey): Promise<CreatedApiKey> {
  return request<CreatedApiKey>(apiPaths.apiKeys(), { method: "POST", body });
}

export function revokeApiKey(id: string): Promise<void> {
  return request(apiPaths.apiKey(id), { method: "DELETE" });
}

export const sessionsQuery = () =>
  queryOptions({
    queryKey: keys.sessions(),
    queryFn: ({ signal }) => request<Page<Session>>(apiPaths.sessions(), { signal }),
  });

export function endSession(id: string): Promise<void> {
  return request(apiPaths.session(id), { method: "DELETE" });
}

export function endOtherSessions(): Promise<{ readonly ended: number }> {
  return request(apiPaths.endOtherSessions(), { method: "POST" });
}

/** Throws `wrong_password`; with a second factor `second_factor_required` and `wrong_code`. */
export function prove(given: { readonly password: string; readonly code?: string }): Promise<unknown> {
  return request(apiPaths.proof(), { method: "POST", body: given });
}

/** Ends every other session. Throws `wrong_password`. */
export function changePassword(current: string, next: string): Promise<void> {
  return request(apiPaths.password(), { method: "POST", body: { current, next } });
}

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: keys.audit(filter),
    queryFn: ({ pageParam, signal }) =>
      request<Page<AuditEntry>>(apiPaths.audit(), {
        query: { ...wholeDays(filter), cursor: pageParam ?? undefined, limit: 100 },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    // Written by other people, whom no live message announces.
    staleTime: 0,
  });

/** The entries of a filter as NDJSON, or all of them. */
export function auditExportPath(filter: AuditFilter): string {
  return `${apiPaths.auditExport()}${queryText(wholeDays(filter))}`;
}

/** Days are told from midnight to midnight in UTC, as the audit is written. */
function wholeDays({ from, to, ...rest }: AuditFilter): Record<string, string | undefined> {
  return {
    ...rest,
    from: from === undefined ? undefined : `${from}T00:00:00.000Z`,
    to: to === undefined ? undefined : `${to}T23:59:59.999Z`,
  };
}

export function verifyAudit(): Promise<AuditVerdict> {
  return request<AuditVerdict>(apiPaths.auditVerify());
}
