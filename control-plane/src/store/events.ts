/** Events in D1: a projection, for lists. */
import type { EventSummary } from "@cronium/protocol";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly kind: string;
  readonly runtime: string;
  readonly version: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly recent: string;
}

/** Newest first, from behind `after`. Indexes: `events_list`, and `runs_by_event` for the latest runs of each. */
export async function listEventRows(
  d1: D1Database,
  workspaceId: string,
  after: { readonly at: number; readonly id: string } | null,
  limit: number,
): Promise<EventSummary[]> {
  const { results } = await d1
    .prepare(
      `SELECT e.*, (
         SELECT json_group_array(json_object('id', r.id, 'state', r.state, 'durationMs', r.finished_at - r.started_at))
         FROM (SELECT id, state, started_at, finished_at FROM runs
               WHERE workspace_id = ?1 AND event_id = e.id
               ORDER BY queued_at DESC, id DESC LIMIT 30) r
       ) AS recent
       FROM events e
       WHERE e.workspace_id = ?1 AND e.archived_at IS NULL
         AND (?2 IS NULL OR (e.created_at, e.id) < (?2, ?3))
       ORDER BY e.created_at DESC, e.id DESC LIMIT ?4`,
    )
    .bind(workspaceId, after?.at ?? null, after?.id ?? null, limit)
    .all<Row>();
  return results.map((row) => ({
    id: row.id,
    name: row.name,
    description: row.description,
    kind: row.kind,
    runtime: row.runtime,
    version: row.version,
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
    recentRuns: JSON.parse(row.recent) as EventSummary["recentRuns"],
  }));
}
