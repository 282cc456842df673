/** Secrets and variables as D1 knows them: by name, without their values. */

export interface NamedValueRow {
  readonly id: string;
  readonly kind: "secret" | "variable";
  readonly name: string;
  readonly eventId: string | null;
  readonly version: number;
  readonly keyId: string | null;
  readonly updatedAt: number;
  readonly rev: number;
}

/** Primary key: `named_values.id`. */
export async function upsertNamedValues(
  d1: D1Database,
  workspaceId: string,
  rows: readonly NamedValueRow[],
): Promise<void> {
  await d1
    .prepare(
      `INSERT INTO named_values (id, workspace_id, kind, name, event_id, version, key_id, updated_at, rev)
       SELECT value->>'id', ?1, value->>'kind', value->>'name', value->>'eventId', value->>'version', value->>'keyId',
              value->>'updatedAt', value->>'rev'
       FROM json_each(?2) WHERE true
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, key_id = excluded.key_id,
         updated_at = excluded.updated_at, rev = excluded.rev
       WHERE excluded.rev > named_values.rev AND named_values.workspace_id = excluded.workspace_id`,
    )
    .bind(workspaceId, JSON.stringify(rows))
    .run();
}

/** An id is never used again, so a deletion needs no `rev`. */
export async function deleteNamedValues(d1: D1Database, workspaceId: string, ids: readonly string[]): Promise<void> {
  await d1
    .prepare("DELETE FROM named_values WHERE workspace_id = ?1 AND id IN (SELECT value FROM json_each(?2))")
    .bind(workspaceId, JSON.stringify(ids))
    .run();
}

/** How many secrets of the whole installation are encrypted under each master key. Index: named_values_key. */
export async function countByKey(d1: D1Database): Promise<Map<string, number>> {
  const { results } = await d1
    .prepare("SELECT key_id, count(*) AS secrets FROM named_values WHERE key_id IS NOT NULL GROUP BY key_id")
    .all<{ key_id: string; secrets: number }>();
  return new Map(results.map((row) => [row.key_id, row.secrets]));
}
