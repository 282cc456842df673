/** Runs in D1: a projection, for lists and for runs that have left the Dispatcher. */
import type { RunState, RunSummary } from "@cronium/protocol";

export interface RunFilter {
  readonly state: RunState | undefined;
  readonly eventId: string | undefined;
  readonly after: { readonly at: number; readonly id: string } | null;
  readonly limit: number;
}

/** Newest first. Index: `runs_by_event`, `runs_by_state` or `runs_list`, whichever the filter allows. */
export async function listRunRows(d1: D1Database, workspaceId: string, filter: RunFilter): Promise<RunSummary[]> {
  const where = ["workspace_id = ?1"];
  const values: (string | number)[] = [workspaceId];
  const bind = (value: string | number): string => `?${values.push(value)}`;
  if (filter.eventId !== undefined) {
    where.push(`event_id = ${bind(filter.eventId)}`);
  }
  if (filter.state !== undefined) {
    where.push(`state = ${bind(filter.state)}`);
  }
  if (filter.after !== null) {
    where.push(`(queued_at, id) < (${bind(filter.after.at)}, ${bind(filter.after.id)})`);
  }
  const { results } = await d1
    .prepare(
      `SELECT summary FROM runs WHERE ${where.join(" AND ")}
       ORDER BY queued_at DESC, id DESC LIMIT ${bind(filter.limit)}`,
    )
    .bind(...values)
    .all<{ summary: string }>();
  return results.map((row) => JSON.parse(row.summary) as RunSummary);
}

/** Null when there is none in this workspace. Primary key. */
export async function findRunRow(
  d1: D1Database,
  workspaceId: string,
  runId: string,
): Promise<{ readonly summary: string; readonly detail: string } | null> {
  return d1
    .prepare("SELECT summary, detail FROM runs WHERE id = ?1 AND workspace_id = ?2")
    .bind(runId, workspaceId)
    .first<{ summary: string; detail: string }>();
}
