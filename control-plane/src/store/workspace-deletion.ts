/** D1: taking a workspace away. First everybody's way in, in one transaction; later all that it held, bit by bit. */
import type { ExpiredRow } from "./runs.ts";

/** Nobody gets in by what these hold. */
const WAYS_IN = [
  "members",
  "invitations",
  "claim_tokens",
  "api_keys",
  "service_accounts",
  "device_logins",
  "registration_tokens",
  "endpoint_routes",
] as const;

/** The rest, beside runs; every table with a `workspace_id` is in one of the lists. */
const CONTENT = [
  "runner_credentials",
  "events",
  "run_names",
  "run_labels",
  "runners",
  "named_values",
  "account_audit",
  "idempotency_keys",
] as const;

/** The last of them decides: it changes nothing for a workspace that is being deleted already. */
export function beginDeletionStatements(
  d1: D1Database,
  { workspaceId, now }: { readonly workspaceId: string; readonly now: number },
): D1PreparedStatement[] {
  return [
    ...WAYS_IN.map((table) => d1.prepare(`DELETE FROM ${table} WHERE workspace_id = ?`).bind(workspaceId)),
    d1
      .prepare(
        // No machine can have a name with a colon.
        `UPDATE runner_credentials SET revoked_at = ?2, name = 'revoked:' || runner_id
         WHERE workspace_id = ?1 AND revoked_at IS NULL`,
      )
      .bind(workspaceId, now),
    d1.prepare("UPDATE workspaces SET deleting_at = ?2 WHERE id = ?1 AND deleting_at IS NULL").bind(workspaceId, now),
  ];
}

export interface DeletionRow {
  readonly id: string;
  readonly deletingAt: number;
}

/** The oldest first. */
export async function listDeletions(d1: D1Database): Promise<DeletionRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT id, deleting_at AS "deletingAt" FROM workspaces WHERE deleting_at IS NOT NULL ORDER BY deleting_at`,
    )
    .all<DeletionRow>();
  return results;
}

/** Any runs of the workspace. Index: `runs_list`. */
export async function findAnyRuns(d1: D1Database, workspaceId: string, limit: number): Promise<ExpiredRow[]> {
  const { results } = await d1
    .prepare(`SELECT id, 1 AS hasLog, 1 AS inBlob,
         (SELECT group_concat(value->>'number') FROM json_each(detail, '$.artifacts')) AS artifacts
       FROM runs INDEXED BY runs_list WHERE workspace_id = ? LIMIT ?`)
    .bind(workspaceId, limit)
    .all<ExpiredRow>();
  return results;
}

/** All that is left once the runs are gone, the workspace itself last; one transaction. */
export async function deleteContent(d1: D1Database, workspaceId: string): Promise<void> {
  await d1.batch([
    ...[...WAYS_IN, ...CONTENT].map((table) =>
      d1.prepare(`DELETE FROM ${table} WHERE workspace_id = ?`).bind(workspaceId),
    ),
    d1.prepare("UPDATE session SET active_workspace_id = NULL WHERE active_workspace_id = ?").bind(workspaceId),
    d1.prepare("DELETE FROM workspaces WHERE id = ?").bind(workspaceId),
  ]);
}
