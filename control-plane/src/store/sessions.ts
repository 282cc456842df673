/** D1: sessions of people, beside what better-auth does with them. Their tokens never leave this file. */

export interface SessionRow {
  readonly id: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

/** Those that work, newest use first. */
export async function listSessionRows(d1: D1Database, userId: string, now: number): Promise<SessionRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT id, created_at AS "createdAt", updated_at AS "updatedAt", expires_at AS "expiresAt",
         ip_address AS "ipAddress", user_agent AS "userAgent"
       FROM session WHERE user_id = ? AND expires_at > ? ORDER BY updated_at DESC LIMIT 200`,
    )
    .bind(userId, now)
    .all<SessionRow>();
  return results;
}

export function endSessionStatement(d1: D1Database, userId: string, sessionId: string): D1PreparedStatement {
  return d1.prepare("DELETE FROM session WHERE id = ? AND user_id = ?").bind(sessionId, userId);
}

/** All of a user but this one. */
export function endOtherSessionsStatement(d1: D1Database, userId: string, sessionId: string): D1PreparedStatement {
  return d1.prepare("DELETE FROM session WHERE user_id = ? AND id <> ?").bind(userId, sessionId);
}

export function activateStatement(
  d1: D1Database,
  sessionId: string,
  userId: string,
  workspaceId: string,
): D1PreparedStatement {
  return d1
    .prepare(
      `UPDATE session SET active_workspace_id = ?1 WHERE id = ?2 AND user_id = ?3
       AND EXISTS (SELECT 1 FROM members WHERE workspace_id = ?1 AND user_id = ?3)`,
    )
    .bind(workspaceId, sessionId, userId);
}

/** The id of the session with this token, which looks at the workspace from now on; empty when there is none. */
export async function activateByToken(
  d1: D1Database,
  token: string,
  userId: string,
  workspaceId: string,
): Promise<string> {
  const row = await d1
    .prepare("UPDATE session SET active_workspace_id = ? WHERE token = ? AND user_id = ? RETURNING id")
    .bind(workspaceId, token, userId)
    .first<{ id: string }>();
  return row?.id ?? "";
}

export async function proveSession(d1: D1Database, sessionId: string, until: number): Promise<void> {
  await d1.prepare("UPDATE session SET proven_until = ? WHERE id = ?").bind(until, sessionId).run();
}

/** Null for an account without a password. */
export async function findPasswordHash(d1: D1Database, userId: string): Promise<string | null> {
  const row = await d1
    .prepare("SELECT password FROM account WHERE user_id = ? AND provider_id = 'credential'")
    .bind(userId)
    .first<{ password: string | null }>();
  return row?.password ?? null;
}

export function changePasswordStatement(
  d1: D1Database,
  change: { readonly userId: string; readonly before: string; readonly after: string; readonly now: number },
): D1PreparedStatement {
  return d1
    .prepare(
      `UPDATE account SET password = ?3, updated_at = ?4
       WHERE user_id = ?1 AND provider_id = 'credential' AND password = ?2`,
    )
    .bind(change.userId, change.before, change.after, change.now);
}
