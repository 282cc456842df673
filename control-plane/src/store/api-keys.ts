/** D1: hashes of API keys, and the service accounts that own some. */
import type { Permission } from "@cronium/protocol/access";
import type { Role } from "@cronium/protocol/roles";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { apiKeys } from "./schema/credentials.ts";

export type ApiKeyRow = typeof apiKeys.$inferSelect;

export interface KeyHolder {
  readonly id: string;
  readonly workspaceId: string;
  readonly role: Role;
  readonly scopes: readonly Permission[] | null;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  /** Null for the key of the installation. */
  readonly ownerId: string | null;
  /** Role of the person or service account behind it; null where there is none any more. */
  readonly ownerRole: Role | null;
}

/** By the hash of the whole key, index `api_keys_hash`; null for a revoked one. */
export async function findApiKey(d1: D1Database, hash: string): Promise<KeyHolder | null> {
  const row = await d1
    .prepare(
      `SELECT k.id, k.workspace_id AS "workspaceId", k.role, k.scopes, k.expires_at AS "expiresAt",
         k.last_used_at AS "lastUsedAt", k.owner_id AS "ownerId", COALESCE(m.role, s.role) AS "ownerRole"
       FROM api_keys k
       LEFT JOIN members m ON m.workspace_id = k.workspace_id AND m.user_id = k.owner_id
       LEFT JOIN service_accounts s ON s.workspace_id = k.workspace_id AND s.id = k.owner_id
       WHERE k.hash = ? AND k.revoked_at IS NULL`,
    )
    .bind(hash)
    .first<Omit<KeyHolder, "scopes"> & { readonly scopes: string | null }>();
  return row === null ? null : { ...row, scopes: parseScopes(row.scopes) };
}

function parseScopes(text: string | null): readonly Permission[] | null {
  return text === null ? null : (JSON.parse(text) as Permission[]);
}

export async function insertApiKey(db: DrizzleD1Database, row: ApiKeyRow): Promise<void> {
  await db.insert(apiKeys).values(row);
}

/** Changes nothing where the workspace has `limit` keys that are neither revoked nor expired. */
export function insertKeyStatement(d1: D1Database, row: ApiKeyRow, limit: number): D1PreparedStatement {
  return d1
    .prepare(
      `INSERT INTO api_keys (id, workspace_id, name, hash, role, created_at, expires_at, scopes, owner_id, created_by)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
       WHERE (SELECT count(*) FROM api_keys
              WHERE workspace_id = ?2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?6)) < ?11`,
    )
    .bind(
      row.id,
      row.workspaceId,
      row.name,
      row.hash,
      row.role,
      row.createdAt,
      row.expiresAt,
      row.scopes === null ? null : JSON.stringify(row.scopes),
      row.ownerId,
      row.createdBy,
      limit,
    );
}

/** Once a minute for each key, however busy it is. */
export async function markKeyUsed(d1: D1Database, keyId: string, now: number): Promise<void> {
  await d1.prepare("UPDATE api_keys SET last_used_at = ? WHERE id = ?").bind(now, keyId).run();
}

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Permission[] | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
  readonly ownerId: string | null;
  readonly ownerName: string | null;
}

/** Those that are not revoked, newest first; `ownerId` narrows them to one owner. */
export async function listKeyRows(d1: D1Database, workspaceId: string, ownerId: string | null): Promise<ListedKey[]> {
  const { results } = await d1
    .prepare(
      `SELECT k.id, k.name, k.role, k.scopes, k.created_at AS "createdAt", k.expires_at AS "expiresAt",
         k.last_used_at AS "lastUsedAt", k.owner_id AS "ownerId", COALESCE(u.name, s.name) AS "ownerName"
       FROM api_keys k LEFT JOIN "user" u ON u.id = k.owner_id LEFT JOIN service_accounts s ON s.id = k.owner_id
       WHERE k.workspace_id = ?1 AND k.revoked_at IS NULL AND (?2 IS NULL OR k.owner_id = ?2)
       ORDER BY k.created_at DESC, k.id DESC LIMIT 1000`,
    )
    .bind(workspaceId, ownerId)
    .all<Omit<ListedKey, "scopes"> & { readonly scopes: string | null }>();
  return results.map((row) => ({ ...row, scopes: parseScopes(row.scopes) }));
}

export async function ownerOfKey(d1: D1Database, keyId: string): Promise<string | null> {
  const row = await d1.prepare("SELECT owner_id FROM api_keys WHERE id = ?").bind(keyId).first<{ owner_id: string }>();
  return row?.owner_id ?? null;
}

/** `ownerId` narrows it to keys of one owner. Changes nothing for a key that is revoked already. */
export function revokeKeyStatement(
  d1: D1Database,
  key: { readonly workspaceId: string; readonly id: string; readonly ownerId: string | null; readonly now: number },
): D1PreparedStatement {
  return d1
    .prepare(
      `UPDATE api_keys SET revoked_at = ?4
       WHERE workspace_id = ?1 AND id = ?2 AND revoked_at IS NULL AND (?3 IS NULL OR owner_id = ?3)`,
    )
    .bind(key.workspaceId, key.id, key.ownerId, key.now);
}

export interface ServiceAccountRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: number;
  readonly keys: number;
}

const SERVICE_ACCOUNTS = `SELECT s.id, s.name, s.role, s.created_at AS "createdAt",
    (SELECT COUNT(*) FROM api_keys k WHERE k.owner_id = s.id AND k.revoked_at IS NULL) AS keys
  FROM service_accounts s WHERE s.workspace_id = ?1`;

export async function listServiceAccountRows(d1: D1Database, workspaceId: string): Promise<ServiceAccountRow[]> {
  const { results } = await d1
    .prepare(`${SERVICE_ACCOUNTS} ORDER BY s.name`)
    .bind(workspaceId)
    .all<ServiceAccountRow>();
  return results;
}

export function findServiceAccount(d1: D1Database, workspaceId: string, id: string): Promise<ServiceAccountRow | null> {
  return d1.prepare(`${SERVICE_ACCOUNTS} AND s.id = ?2`).bind(workspaceId, id).first<ServiceAccountRow>();
}

/** Rejects with a UNIQUE error when the name is taken; changes nothing where the workspace has `limit` of them. */
export function addServiceAccountStatement(
  d1: D1Database,
  account: {
    readonly id: string;
    readonly workspaceId: string;
    readonly name: string;
    readonly role: Role;
    readonly createdBy: string;
    readonly now: number;
  },
  limit: number,
): D1PreparedStatement {
  return d1
    .prepare(
      `INSERT INTO service_accounts (id, workspace_id, name, role, created_by, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM service_accounts WHERE workspace_id = ?2) < ?7`,
    )
    .bind(account.id, account.workspaceId, account.name, account.role, account.createdBy, account.now, limit);
}

/** Its keys end with it. */
export function removeServiceAccountStatements(
  d1: D1Database,
  workspaceId: string,
  id: string,
  now: number,
): D1PreparedStatement[] {
  return [
    d1
      .prepare("UPDATE api_keys SET revoked_at = ?3 WHERE workspace_id = ?1 AND owner_id = ?2 AND revoked_at IS NULL")
      .bind(workspaceId, id, now),
    d1.prepare("DELETE FROM service_accounts WHERE workspace_id = ?1 AND id = ?2").bind(workspaceId, id),
  ];
}

/** Answers the key that was ended; null when there is none, or it had ended before. */
export function revokeKeyByHash(
  d1: D1Database,
  hash: string,
  now: number,
): Promise<{ readonly id: string; readonly workspaceId: string } | null> {
  return d1
    .prepare(
      `UPDATE api_keys SET revoked_at = ? WHERE hash = ? AND revoked_at IS NULL
       RETURNING id, workspace_id AS "workspaceId"`,
    )
    .bind(now, hash)
    .first<{ id: string; workspaceId: string }>();
}
