/**
 * The outbox's side of D1: one statement for each batch, a row replaced only by a higher `rev`. Repeating a batch, or
 * sending an old one late, changes nothing.
 */
import type { Event, Runner, RunSummary } from "@cronium/protocol";

export interface RunRow {
  readonly summary: RunSummary;
  readonly labels: Readonly<Record<string, string>>;
  /** JSON of what only the run's own page shows. */
  readonly detail: string;
}

export interface EventRow {
  readonly event: Event;
  readonly rev: number;
}

const ms = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso));

/** Primary keys: `runs.id`, and those of the names and labels that lists are filtered by. */
export async function upsertRuns(d1: D1Database, workspaceId: string, rows: readonly RunRow[]): Promise<void> {
  const values = rows.map(({ summary, labels, detail }) => ({
    id: summary.id,
    eventId: summary.eventId,
    state: summary.state,
    queuedAt: ms(summary.queuedAt),
    startedAt: ms(summary.startedAt),
    finishedAt: ms(summary.finishedAt),
    rev: summary.rev,
    eventName: summary.eventName,
    trigger: summary.trigger,
    runnerId: summary.runnerId,
    labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    summary: JSON.stringify(summary),
    detail,
  }));
  const whole = d1
    .prepare(
      `INSERT INTO runs (id, workspace_id, event_id, state, queued_at, started_at, finished_at, rev, event_name, trigger, runner_id, summary, detail)
       SELECT value->>'id', ?1, value->>'eventId', value->>'state', value->>'queuedAt', value->>'startedAt',
              value->>'finishedAt', value->>'rev', value->>'eventName', value->>'trigger', value->>'runnerId', value->>'summary', value->>'detail'
       FROM json_each(?2) WHERE true
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, started_at = excluded.started_at,
         finished_at = excluded.finished_at, rev = excluded.rev, event_name = excluded.event_name, trigger = excluded.trigger,
         runner_id = excluded.runner_id, summary = excluded.summary, detail = excluded.detail
       WHERE excluded.rev > runs.rev AND runs.workspace_id = excluded.workspace_id`,
    )
    .bind(workspaceId, JSON.stringify(values));
  const names = [...new Set(rows.map(({ summary }) => summary.eventName))];
  const named = d1
    .prepare("INSERT OR IGNORE INTO run_names (workspace_id, name) SELECT ?1, value FROM json_each(?2)")
    .bind(workspaceId, JSON.stringify(names));
  const labels = values.flatMap((row) => row.labels.map((label) => [label, row.queuedAt, row.id]));
  const labelled = d1
    .prepare(
      `INSERT OR IGNORE INTO run_labels (workspace_id, label, queued_at, run_id)
       SELECT ?1, value->>0, value->>1, value->>2 FROM json_each(?2)`,
    )
    .bind(workspaceId, JSON.stringify(labels));
  await d1.batch(labels.length === 0 ? [named, whole] : [named, labelled, whole]);
}

export async function upsertEvents(d1: D1Database, workspaceId: string, rows: readonly EventRow[]): Promise<void> {
  const values = rows.map(({ event, rev }) => ({
    id: event.id,
    name: event.name,
    description: event.description,
    kind: event.kind,
    runtime: event.runtime,
    version: event.version,
    createdAt: ms(event.createdAt),
    updatedAt: ms(event.updatedAt),
    archivedAt: ms(event.archivedAt),
    rev,
  }));
  await d1
    .prepare(
      `INSERT INTO events (id, workspace_id, name, description, kind, runtime, version, created_at, updated_at, archived_at, rev)
       SELECT value->>'id', ?1, value->>'name', value->>'description', value->>'kind', value->>'runtime',
              value->>'version', value->>'createdAt', value->>'updatedAt', value->>'archivedAt', value->>'rev'
       FROM json_each(?2) WHERE true
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description,
         runtime = excluded.runtime, version = excluded.version, updated_at = excluded.updated_at,
         archived_at = excluded.archived_at, rev = excluded.rev
       WHERE excluded.rev > events.rev AND events.workspace_id = excluded.workspace_id`,
    )
    .bind(workspaceId, JSON.stringify(values))
    .run();
}

export async function upsertRunners(d1: D1Database, workspaceId: string, rows: readonly Runner[]): Promise<void> {
  const values = rows.map((runner) => ({ id: runner.id, rev: runner.rev, view: JSON.stringify(runner) }));
  await d1
    .prepare(
      `INSERT INTO runners (id, workspace_id, rev, view)
       SELECT value->>'id', ?1, value->>'rev', value->>'view' FROM json_each(?2) WHERE true
       ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, view = excluded.view
       WHERE excluded.rev > runners.rev AND runners.workspace_id = excluded.workspace_id`,
    )
    .bind(workspaceId, JSON.stringify(values))
    .run();
}

/** Primary key. */
export function deleteRunnersStatement(
  d1: D1Database,
  workspaceId: string,
  runnerIds: readonly string[],
): D1PreparedStatement {
  return d1
    .prepare("DELETE FROM runners WHERE id IN (SELECT value FROM json_each(?2)) AND workspace_id = ?1")
    .bind(workspaceId, JSON.stringify(runnerIds));
}
