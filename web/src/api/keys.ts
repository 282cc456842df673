/** Names of everything in the query cache, so that live messages find what they change. */
import type { BulkAction } from "@cronium/protocol/api/bulk";
import type { RunState } from "@cronium/protocol/run-states";
import type { OccurrenceDecision } from "@cronium/protocol/schedule-tables";

export interface RunFilter {
  readonly state?: RunState | undefined;
  readonly eventId?: string | undefined;
  /** Only those that can be requeued. */
  readonly deadLetter?: true | undefined;
}

export interface DeliveryFilter {
  readonly endpointId?: string | undefined;
  readonly verdict?: string | undefined;
}

export interface OccurrenceFilter {
  readonly decision?: OccurrenceDecision | undefined;
  readonly scheduleId?: string | undefined;
}

/** Entries of the audit, as `GET /audit` takes them, but for whole days. */
export interface AuditFilter {
  readonly verb?: string | undefined;
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  /** `2026-03-01`, in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export const keys = {
  me: () => ["me"] as const,
  events: () => ["events"] as const,
  event: (id: string) => ["event", id] as const,
  eventVersions: (id: string) => ["event", id, "versions"] as const,
  allRuns: () => ["runs"] as const,
  runs: (filter: RunFilter) => ["runs", filter] as const,
  run: (id: string) => ["run", id] as const,
  bulk: (id: string) => ["bulk", id] as const,
  bulkPreview: (action: BulkAction, filter: RunFilter) => ["bulk", "preview", action, filter] as const,
  schedules: () => ["schedules"] as const,
  allSchedules: () => ["schedules", "all"] as const,
  calendar: (from: string, days: number, version: number) => ["schedules", "calendar", from, days, version] as const,
  schedule: (id: string) => ["schedules", "one", id] as const,
  scheduleLateness: (id: string) => ["schedules", "lateness", id] as const,
  why: (id: string, at: string) => ["schedules", "why", id, at] as const,
  backfillCount: (id: string, ask: unknown) => ["schedules", "backfill", id, ask] as const,
  backfill: (id: string) => ["backfills", id] as const,
  clockChanges: (ask: unknown) => ["schedules", "clock-changes", ask] as const,
  schedulePreview: (ask: unknown) => ["schedules", "preview", ask] as const,
  allOccurrences: () => ["occurrences"] as const,
  occurrences: (filter: OccurrenceFilter) => ["occurrences", filter] as const,
  runners: () => ["runners"] as const,
  runner: (id: string) => ["runners", id] as const,
  members: () => ["members"] as const,
  invitations: () => ["invitations"] as const,
  workspaces: () => ["workspaces"] as const,
  settings: () => ["settings"] as const,
  apiKeys: () => ["api-keys"] as const,
  registrationTokens: () => ["registration-tokens"] as const,
  sessions: () => ["sessions"] as const,
  signInOptions: () => ["sign-in-options"] as const,
  passkeys: () => ["passkeys"] as const,
  ownAccount: () => ["own-account"] as const,
  messages: () => ["messages"] as const,
  audit: (filter: AuditFilter) => ["audit", filter] as const,
  secrets: (eventId: string | null) => ["secrets", eventId] as const,
  variables: (eventId: string | null) => ["variables", eventId] as const,
  endpoints: () => ["endpoints"] as const,
  allDeliveries: () => ["deliveries"] as const,
  deliveries: (filter: DeliveryFilter) => ["deliveries", filter] as const,
  delivery: (id: string) => ["deliveries", "one", id] as const,
  variableVersions: (id: string) => ["variables", "versions", id] as const,
} as const;
