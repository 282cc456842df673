/** D1: the audit chain of people, keys and tokens. Rows are added, read, and let go of when they are old enough. */
import { filterSql, type AuditAsk, type AuditFilter, type AuditRow } from "../domain/audit.ts";

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

/** Newest first. Entries of one workspace are acts of people, few enough to be sorted. */
export async function listAuditRows(d1: D1Database, workspaceId: string, ask: AuditAsk): Promise<AuditRow[]> {
  const { where, values } = filterSql(ask.filter);
  const place = ask.before === null ? "" : " AND (at, seq) < (?, ?)";
  const before = ask.before === null ? [] : [ask.before.at, ask.before.seq];
  const { results } = await d1
    .prepare(
      `SELECT ${COLUMNS} FROM account_audit WHERE workspace_id = ?${where}${place} ORDER BY at DESC, seq DESC LIMIT ?`,
    )
    .bind(workspaceId, ...values, ...before, ask.limit)
    .all<AuditRow>();
  return results;
}

/** Oldest first, after `seq`. */
export async function auditRowsAfter(
  d1: D1Database,
  workspaceId: string,
  { seq, limit, filter = {} }: { readonly seq: number; readonly limit: number; readonly filter?: AuditFilter },
): Promise<AuditRow[]> {
  const { where, values } = filterSql(filter);
  const { results } = await d1
    .prepare(`SELECT ${COLUMNS} FROM account_audit WHERE workspace_id = ? AND seq > ?${where} ORDER BY seq LIMIT ?`)
    .bind(workspaceId, seq, ...values, limit)
    .all<AuditRow>();
  return results;
}

/** The newest entry from before `cutoff`; null when none but notes of earlier clearings are that old. */
export async function lastExpiredRow(
  d1: D1Database,
  workspaceId: string,
  { cutoff, keep }: { readonly cutoff: number; readonly keep: string },
): Promise<AuditRow | null> {
  return d1
    .prepare(
      `SELECT ${COLUMNS} FROM account_audit
       WHERE workspace_id = ?1 AND at < ?2
         AND EXISTS (SELECT 1 FROM account_audit
                     WHERE workspace_id = ?1 AND at < ?2 AND entry->>'verb' <> ?3)
       ORDER BY seq DESC LIMIT 1`,
    )
    .bind(workspaceId, cutoff, keep)
    .first<AuditRow>();
}

export function deleteAuditStatement(d1: D1Database, workspaceId: string, upTo: number): D1PreparedStatement {
  return d1.prepare("DELETE FROM account_audit WHERE workspace_id = ? AND seq <= ?").bind(workspaceId, upTo);
}
