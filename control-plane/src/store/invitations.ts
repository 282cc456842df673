/** D1: invitations. A token is looked up by its hash; only open ones (not accepted, withdrawn or expired) work. */
import type { Role } from "@cronium/protocol/roles";

export interface InvitationRow {
  readonly id: string;
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly email: string;
  readonly role: Role;
  readonly inviter: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly acceptedAt: number | null;
  readonly revokedAt: number | null;
}

const INVITATIONS = `SELECT i.id, i.workspace_id AS "workspaceId", w.name AS "workspaceName", i.email, i.role,
    u.name AS inviter, i.created_at AS "createdAt", i.expires_at AS "expiresAt", i.accepted_at AS "acceptedAt",
    i.revoked_at AS "revokedAt"
  FROM invitations i JOIN workspaces w ON w.id = i.workspace_id LEFT JOIN "user" u ON u.id = i.invited_by`;

/** Newest first. */
export async function listInvitationRows(d1: D1Database, workspaceId: string): Promise<InvitationRow[]> {
  const { results } = await d1
    .prepare(`${INVITATIONS} WHERE i.workspace_id = ? ORDER BY i.created_at DESC, i.id DESC LIMIT 500`)
    .bind(workspaceId)
    .all<InvitationRow>();
  return results;
}

/** Null unless it is open. */
/** Those that can still be accepted. */
export function findOpenInvitation(d1: D1Database, hash: string, now: number): Promise<InvitationRow | null> {
  return d1
    .prepare(`${INVITATIONS} WHERE i.hash = ? AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > ?`)
    .bind(hash, now)
    .first<InvitationRow>();
}

export interface NewInvitation {
  readonly id: string;
  readonly workspaceId: string;
  readonly email: string;
  readonly role: Role;
  readonly hash: string;
  readonly invitedBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A new invitation takes the place of earlier open ones to the same address. */
export function inviteStatements(d1: D1Database, invitation: NewInvitation, limit: number): D1PreparedStatement[] {
  return [
    d1
      .prepare(
        `UPDATE invitations SET revoked_at = ?3
         WHERE workspace_id = ?1 AND email = ?2 AND accepted_at IS NULL AND revoked_at IS NULL`,
      )
      .bind(invitation.workspaceId, invitation.email, invitation.createdAt),
    d1
      .prepare(
        `INSERT INTO invitations (id, workspace_id, email, role, hash, invited_by, created_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
         WHERE (SELECT count(*) FROM invitations
                WHERE workspace_id = ?2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?7) < ?9`,
      )
      .bind(
        invitation.id,
        invitation.workspaceId,
        invitation.email,
        invitation.role,
        invitation.hash,
        invitation.invitedBy,
        invitation.createdAt,
        invitation.expiresAt,
        limit,
      ),
  ];
}

/** Changes nothing unless it is open. */
export function withdrawStatement(
  d1: D1Database,
  workspaceId: string,
  invitationId: string,
  now: number,
): D1PreparedStatement {
  return d1
    .prepare(
      `UPDATE invitations SET revoked_at = ?3
       WHERE workspace_id = ?1 AND id = ?2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?3`,
    )
    .bind(workspaceId, invitationId, now);
}

export interface Acceptance {
  readonly hash: string;
  readonly userId: string;
  readonly now: number;
  /** Null for somebody who has an account. */
  readonly account: { readonly id: string; readonly name: string; readonly passwordHash: string } | null;
}

const OPEN = "hash = ?1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?2";

/**
 * Makes the account where there is none, the membership, and uses the invitation up: each statement takes effect only
 * while it is open, and the last one closes it. Rejects with a UNIQUE error for an address that has an account by now,
 * and for a member.
 */
export function acceptStatements(d1: D1Database, acceptance: Acceptance): D1PreparedStatement[] {
  const { hash, userId, now, account } = acceptance;
  const newAccount =
    account === null
      ? []
      : [
          d1
            .prepare(
              `INSERT INTO "user" (id, name, email, email_verified, created_at, updated_at)
               SELECT ?3, ?4, email, 0, ?2, ?2 FROM invitations WHERE ${OPEN}`,
            )
            .bind(hash, now, userId, account.name),
          d1
            .prepare(
              `INSERT INTO account (id, account_id, provider_id, user_id, password, created_at, updated_at)
               SELECT ?3, ?4, 'credential', ?4, ?5, ?2, ?2 FROM invitations WHERE ${OPEN}`,
            )
            .bind(hash, now, account.id, userId, account.passwordHash),
        ];
  return [
    ...newAccount,
    d1
      .prepare(
        `INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT workspace_id, ?3, role, ?2 FROM invitations WHERE ${OPEN}`,
      )
      .bind(hash, now, userId),
    d1.prepare(`UPDATE invitations SET accepted_at = ?2 WHERE ${OPEN}`).bind(hash, now),
  ];
}
