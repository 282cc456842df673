/** D1: registration tokens by their hashes, and what became of them. */
import type { RegistrationTokenKind } from "@cronium/protocol/registration-tokens";

export interface RegistrationTokenRow {
  readonly id: string;
  readonly workspaceId: string;
  readonly kind: RegistrationTokenKind;
  readonly labels: Readonly<Record<string, string>>;
  readonly maxUses: number;
  readonly uses: number;
  /** Name of the person or key that made it; null when that is gone. */
  readonly createdBy: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | null;
  readonly revokedAt: number | null;
}

const TOKENS = `SELECT t.id, t.workspace_id AS "workspaceId", t.kind, t.labels, t.max_uses AS "maxUses", t.uses,
    COALESCE(u.name, k.name) AS "createdBy", t.created_at AS "createdAt", t.expires_at AS "expiresAt",
    t.used_at AS "usedAt", t.revoked_at AS "revokedAt"
  FROM registration_tokens t LEFT JOIN "user" u ON u.id = t.created_by LEFT JOIN api_keys k ON k.id = t.created_by`;

type Stored = Omit<RegistrationTokenRow, "labels"> & { readonly labels: string };

/** Only such a token registers a machine; `?1` is its hash, `?2` the time. An older Worker notes a use in `used_at` alone. */
export const USABLE = `hash = ?1 AND uses < max_uses AND (max_uses > 1 OR used_at IS NULL)
  AND revoked_at IS NULL AND expires_at > ?2`;

/** Newest first; the index is `registration_tokens_list`. */
export async function listTokenRows(d1: D1Database, workspaceId: string): Promise<RegistrationTokenRow[]> {
  const { results } = await d1
    .prepare(`${TOKENS} WHERE t.workspace_id = ? ORDER BY t.created_at DESC, t.id DESC LIMIT 500`)
    .bind(workspaceId)
    .all<Stored>();
  return results.map(read);
}

/** By the index `registration_tokens_hash`; null for one that is not known. */
/** Those that can still register a runner. */
export async function findTokenByHash(d1: D1Database, hash: string): Promise<RegistrationTokenRow | null> {
  const row = await d1.prepare(`${TOKENS} WHERE t.hash = ?`).bind(hash).first<Stored>();
  return row === null ? null : read(row);
}

function read(row: Stored): RegistrationTokenRow {
  return { ...row, labels: JSON.parse(row.labels) as Record<string, string> };
}

export interface NewToken {
  readonly id: string;
  readonly workspaceId: string;
  readonly hash: string;
  readonly kind: RegistrationTokenKind;
  readonly maxUses: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Tokens that ended long ago make room. */
export function addTokenStatements(
  d1: D1Database,
  token: NewToken,
  { forgetBefore, limit }: { readonly forgetBefore: number; readonly limit: number },
): D1PreparedStatement[] {
  return [
    d1
      .prepare("DELETE FROM registration_tokens WHERE workspace_id = ? AND created_at < ?")
      .bind(token.workspaceId, forgetBefore),
    d1
      .prepare(
        `INSERT INTO registration_tokens
           (id, workspace_id, hash, kind, max_uses, labels, created_by, created_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
         WHERE (SELECT count(*) FROM registration_tokens
                WHERE workspace_id = ?2 AND revoked_at IS NULL AND expires_at > ?8 AND uses < max_uses) < ?10`,
      )
      .bind(
        token.id,
        token.workspaceId,
        token.hash,
        token.kind,
        token.maxUses,
        JSON.stringify(token.labels),
        token.createdBy,
        token.createdAt,
        token.expiresAt,
        limit,
      ),
  ];
}

/** Changes nothing when it is revoked already, or not of this workspace. */
export function revokeTokenStatement(
  d1: D1Database,
  workspaceId: string,
  tokenId: string,
  now: number,
): D1PreparedStatement {
  return d1
    .prepare(
      "UPDATE registration_tokens SET revoked_at = ?3 WHERE workspace_id = ?1 AND id = ?2 AND revoked_at IS NULL",
    )
    .bind(workspaceId, tokenId, now);
}

/** Counts that it was tried in vain; changes nothing any more once that has happened `most` times. */
export function refuseTokenStatement(d1: D1Database, tokenId: string, most: number): D1PreparedStatement {
  return d1
    .prepare("UPDATE registration_tokens SET refused = refused + 1 WHERE id = ? AND refused < ?")
    .bind(tokenId, most);
}
