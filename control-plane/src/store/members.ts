/** D1: who belongs to which workspace. Statements that change are handed out, to be run with their audit entry. */
import type { Role } from "@cronium/protocol/roles";

export interface MemberRow {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly createdAt: number;
  readonly version: number;
}

const MEMBERS = `SELECT m.user_id AS "userId", u.name, u.email, m.role, m.created_at AS "createdAt", m.version
  FROM members m JOIN "user" u ON u.id = m.user_id WHERE m.workspace_id = ?1`;

/** Oldest first. */
export async function listMemberRows(d1: D1Database, workspaceId: string): Promise<MemberRow[]> {
  const { results } = await d1
    .prepare(`${MEMBERS} ORDER BY m.created_at, m.user_id`)
    .bind(workspaceId)
    .all<MemberRow>();
  return results;
}

export function findMember(d1: D1Database, workspaceId: string, userId: string): Promise<MemberRow | null> {
  return d1.prepare(`${MEMBERS} AND m.user_id = ?2`).bind(workspaceId, userId).first<MemberRow>();
}

/** Holds while the workspace keeps an owner without this member. */
const NOT_THE_LAST_OWNER = `(role <> 'owner' OR EXISTS
  (SELECT 1 FROM members o WHERE o.workspace_id = ?1 AND o.role = 'owner' AND o.user_id <> ?2))`;

/** Changes nothing when it would take the last owner away, or the member has changed since `version`. */
export function changeRoleStatement(
  d1: D1Database,
  change: { readonly workspaceId: string; readonly userId: string; readonly version: number; readonly after: Role },
): D1PreparedStatement {
  return d1
    .prepare(
      `UPDATE members SET role = ?4, version = version + 1 WHERE workspace_id = ?1 AND user_id = ?2 AND version = ?3
       AND (?4 = 'owner' OR ${NOT_THE_LAST_OWNER})`,
    )
    .bind(change.workspaceId, change.userId, change.version, change.after);
}

/** Changes nothing for the last owner, or when the member has changed since `version`. */
export function removeMemberStatement(
  d1: D1Database,
  member: { readonly workspaceId: string; readonly userId: string; readonly version: number },
): D1PreparedStatement {
  return d1
    .prepare(`DELETE FROM members WHERE workspace_id = ?1 AND user_id = ?2 AND version = ?3 AND ${NOT_THE_LAST_OWNER}`)
    .bind(member.workspaceId, member.userId, member.version);
}

/** One becomes owner and the other administrator; changes nothing unless the one is owner and the other a member. */
export function transferStatements(
  d1: D1Database,
  transfer: { readonly workspaceId: string; readonly from: string; readonly to: string },
): D1PreparedStatement[] {
  const bindings = [transfer.workspaceId, transfer.from, transfer.to] as const;
  return [
    d1
      .prepare(
        `UPDATE members SET role = 'owner', version = version + 1 WHERE workspace_id = ?1 AND user_id = ?3 AND EXISTS
         (SELECT 1 FROM members f WHERE f.workspace_id = ?1 AND f.user_id = ?2 AND f.role = 'owner')`,
      )
      .bind(...bindings),
    d1
      .prepare(
        `UPDATE members SET role = 'admin', version = version + 1 WHERE workspace_id = ?1 AND user_id = ?2 AND role = 'owner' AND EXISTS
         (SELECT 1 FROM members t WHERE t.workspace_id = ?1 AND t.user_id = ?3 AND t.role = 'owner')`,
      )
      .bind(...bindings),
  ];
}

export interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly version: number;
}

/** Those of a user, the first joined first. */
export async function listWorkspaceRows(d1: D1Database, userId: string): Promise<WorkspaceRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT w.id, w.name, m.role, w.version FROM members m JOIN workspaces w ON w.id = m.workspace_id
       WHERE m.user_id = ? ORDER BY m.created_at, w.id`,
    )
    .bind(userId)
    .all<WorkspaceRow>();
  return results;
}

export interface NewWorkspace {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly now: number;
}

/** Neither changes anything where the owner belongs to `limit` workspaces already. */
export function addWorkspaceStatements(d1: D1Database, workspace: NewWorkspace, limit: number): D1PreparedStatement[] {
  return [
    d1
      .prepare(
        `INSERT INTO workspaces (id, name, created_at)
         SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM members WHERE user_id = ?4) < ?5`,
      )
      .bind(workspace.id, workspace.name, workspace.now, workspace.ownerId, limit),
    d1
      .prepare(
        `INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT id, ?2, 'owner', ?3 FROM workspaces WHERE id = ?1`,
      )
      .bind(workspace.id, workspace.ownerId, workspace.now),
  ];
}

/** Changes nothing when the workspace has changed since `version`. */
export function renameWorkspaceStatement(
  d1: D1Database,
  rename: { readonly workspaceId: string; readonly version: number; readonly after: string },
): D1PreparedStatement {
  return d1
    .prepare("UPDATE workspaces SET name = ?, version = version + 1 WHERE id = ? AND version = ?")
    .bind(rename.after, rename.workspaceId, rename.version);
}

export interface SessionStanding {
  readonly workspaceId: string;
  readonly role: Role;
  readonly provenUntil: number | null;
}

/** The workspace that a session looks at with its user's role there, else the first joined; null without any. */
export function findStanding(d1: D1Database, userId: string, sessionId: string): Promise<SessionStanding | null> {
  return d1
    .prepare(
      `SELECT m.workspace_id AS "workspaceId", m.role, s.proven_until AS "provenUntil"
       FROM members m LEFT JOIN session s ON s.id = ?2
       WHERE m.user_id = ?1 ORDER BY m.workspace_id = s.active_workspace_id DESC, m.created_at LIMIT 1`,
    )
    .bind(userId, sessionId)
    .first<SessionStanding>();
}
