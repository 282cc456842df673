/** D1: links about accounts. Each is looked up by its hash, works once, and ends what was asked for before it. */
import type { AccountLinkKind } from "@cronium/protocol";

export interface AccountLinkRow {
  readonly kind: AccountLinkKind;
  readonly email: string;
  /** Null for an account that is still to be made. */
  readonly userId: string | null;
  /** What a new account needs. */
  readonly name: string | null;
  readonly passwordHash: string | null;
  readonly expiresAt: number;
}

const COLUMNS = `kind, email, user_id AS "userId", name, password_hash AS "passwordHash", expires_at AS "expiresAt"`;
/** ?1 is the hash, ?2 now. */
const WORKS = "EXISTS (SELECT 1 FROM account_links WHERE hash = ?1 AND expires_at > ?2)";

export async function insertAccountLink(
  d1: D1Database,
  link: AccountLinkRow & { readonly hash: string; readonly createdAt: number },
): Promise<void> {
  await d1.batch([
    d1
      .prepare("DELETE FROM account_links WHERE expires_at <= ? OR (email = ? AND kind = ?)")
      .bind(link.createdAt, link.email, link.kind),
    d1
      .prepare(
        `INSERT INTO account_links (hash, kind, email, user_id, name, password_hash, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(
        link.hash,
        link.kind,
        link.email,
        link.userId,
        link.name,
        link.passwordHash,
        link.createdAt,
        link.expiresAt,
      ),
  ]);
}

/** Null unless it works. */
export function findAccountLink(d1: D1Database, hash: string, now: number): Promise<AccountLinkRow | null> {
  return d1
    .prepare(`SELECT ${COLUMNS} FROM account_links WHERE hash = ? AND expires_at > ?`)
    .bind(hash, now)
    .first<AccountLinkRow>();
}

/** Ends the link, and changes nothing when it has ended: the last of its statements, which decides about the others. */
export function useLinkStatement(d1: D1Database, hash: string, now: number): D1PreparedStatement {
  return d1.prepare("DELETE FROM account_links WHERE hash = ? AND expires_at > ?").bind(hash, now);
}

export interface NewPassword {
  readonly hash: string;
  readonly now: number;
  readonly userId: string;
  readonly passwordHash: string;
  /** For the row of somebody who has had no password so far. */
  readonly accountId: string;
}

/** Takes effect only while the link works; ends every session. */
export function resetStatements(d1: D1Database, reset: NewPassword): D1PreparedStatement[] {
  const { hash, now, userId, passwordHash, accountId } = reset;
  return [
    d1
      .prepare(
        `INSERT INTO account (id, account_id, provider_id, user_id, created_at, updated_at)
         SELECT ?3, ?4, 'credential', ?4, ?2, ?2 WHERE ${WORKS}
         AND NOT EXISTS (SELECT 1 FROM account WHERE user_id = ?4 AND provider_id = 'credential')`,
      )
      .bind(hash, now, accountId, userId),
    d1
      .prepare(
        `UPDATE account SET password = ?4, updated_at = ?2
         WHERE user_id = ?3 AND provider_id = 'credential' AND ${WORKS}`,
      )
      .bind(hash, now, userId, passwordHash),
    d1.prepare(`DELETE FROM session WHERE user_id = ?3 AND ${WORKS}`).bind(hash, now, userId),
    useLinkStatement(d1, hash, now),
  ];
}

export interface NewAccount {
  readonly hash: string;
  readonly now: number;
  readonly userId: string;
  readonly accountId: string;
  readonly workspaceId: string;
  readonly workspaceName: string;
}

/** The account, its workspace and the end of the link. Rejects with a UNIQUE error for an address that has an account. */
export function registerStatements(d1: D1Database, account: NewAccount): D1PreparedStatement[] {
  const { hash, now, userId } = account;
  return [
    d1
      .prepare(
        `INSERT INTO "user" (id, name, email, email_verified, created_at, updated_at)
         SELECT ?3, name, email, 1, ?2, ?2 FROM account_links WHERE hash = ?1 AND expires_at > ?2`,
      )
      .bind(hash, now, userId),
    d1
      .prepare(
        `INSERT INTO account (id, account_id, provider_id, user_id, password, created_at, updated_at)
         SELECT ?3, ?4, 'credential', ?4, password_hash, ?2, ?2 FROM account_links WHERE hash = ?1 AND expires_at > ?2`,
      )
      .bind(hash, now, account.accountId, userId),
    d1
      .prepare(`INSERT INTO workspaces (id, name, created_at) SELECT ?3, ?4, ?2 WHERE ${WORKS}`)
      .bind(hash, now, account.workspaceId, account.workspaceName),
    d1
      .prepare(
        `INSERT INTO members (workspace_id, user_id, role, created_at) SELECT ?3, ?4, 'owner', ?2 WHERE ${WORKS}`,
      )
      .bind(hash, now, account.workspaceId, userId),
    useLinkStatement(d1, hash, now),
  ];
}

/** Only for the address that the link was sent to: once that has changed, the link does nothing. */
export function confirmStatements(d1: D1Database, hash: string, now: number): D1PreparedStatement[] {
  return [
    d1
      .prepare(
        `UPDATE "user" SET email_verified = 1, updated_at = ?2 WHERE (id, email) IN
         (SELECT user_id, email FROM account_links WHERE hash = ?1 AND expires_at > ?2 AND kind = 'confirm')`,
      )
      .bind(hash, now),
    d1
      .prepare(
        `DELETE FROM account_links WHERE hash = ? AND expires_at > ?
         AND (user_id, email) IN (SELECT id, email FROM "user")`,
      )
      .bind(hash, now),
  ];
}
