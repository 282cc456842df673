/** D1: the audit chain of people, keys and tokens. Rows are added and read, never changed. */

export interface AuditRow {
  readonly seq: number;
  readonly at: number;
  /** The entry as it was hashed, JSON. */
  readonly entry: string;
  readonly previousHash: string;
  readonly hash: string;
}

const COLUMNS = `seq, at, entry, previous_hash AS "previousHash", hash`;

export function lastAuditRow(d1: D1Database, workspaceId: string): Promise<AuditRow | null> {
  return d1
    .prepare(`SELECT ${COLUMNS} FROM account_audit WHERE workspace_id = ? ORDER BY seq DESC LIMIT 1`)
    .bind(workspaceId)
    .first<AuditRow>();
}

/** Adds the row only where the statement before it in the same batch changed something. */
export function auditStatement(d1: D1Database, workspaceId: string, row: AuditRow): D1PreparedStatement {
  return d1
    .prepare(
      `INSERT INTO account_audit (workspace_id, seq, at, entry, previous_hash, hash)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE changes() > 0`,
    )
    .bind(workspaceId, row.seq, row.at, row.entry, row.previousHash, row.hash);
}

export interface AuditFilter {
  readonly verb?: string | undefined;
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Entries before this number, newest first. */
  readonly before: number | null;
  readonly limit: number;
}

export async function listAuditRows(d1: D1Database, workspaceId: string, filter: AuditFilter): Promise<AuditRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT ${COLUMNS} FROM account_audit
       WHERE workspace_id = ?1 AND (?2 IS NULL OR seq < ?2)
         AND (?3 IS NULL OR entry->>'verb' = ?3)
         AND (?4 IS NULL OR entry->>'$.actor.id' = ?4)
         AND (?5 IS NULL OR entry->>'target' = ?5)
         AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7)
       ORDER BY seq DESC LIMIT ?8`,
    )
    .bind(
      workspaceId,
      filter.before,
      filter.verb ?? null,
      filter.actor ?? null,
      filter.target ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.limit,
    )
    .all<AuditRow>();
  return results;
}

/** Oldest first, after `seq`. */
export async function auditRowsAfter(
  d1: D1Database,
  workspaceId: string,
  seq: number,
  limit: number,
): Promise<AuditRow[]> {
  const { results } = await d1
    .prepare(`SELECT ${COLUMNS} FROM account_audit WHERE workspace_id = ? AND seq > ? ORDER BY seq LIMIT ?`)
    .bind(workspaceId, seq, limit)
    .all<AuditRow>();
  return results;
}
