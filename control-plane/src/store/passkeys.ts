/** D1: passkeys of people, and challenges that wait for one. */

export interface PasskeyRow {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

const COLUMNS = `id, user_id AS "userId", name, public_key AS "publicKey", counter, transports,
  created_at AS "createdAt", last_used_at AS "lastUsedAt"`;

/** Newest first. */
export async function listPasskeyRows(d1: D1Database, userId: string): Promise<PasskeyRow[]> {
  const { results } = await d1
    .prepare(`SELECT ${COLUMNS} FROM passkeys WHERE user_id = ? ORDER BY created_at DESC, id LIMIT 100`)
    .bind(userId)
    .all<PasskeyRow>();
  return results;
}

export function findPasskey(d1: D1Database, id: string): Promise<PasskeyRow | null> {
  return d1.prepare(`SELECT ${COLUMNS} FROM passkeys WHERE id = ?`).bind(id).first<PasskeyRow>();
}

/** Rejects with a UNIQUE error for a credential that is somebody's already. */
/** Changes nothing where the person has `limit` of them. */
export function insertPasskeyStatement(
  d1: D1Database,
  passkey: Omit<PasskeyRow, "lastUsedAt">,
  limit: number,
): D1PreparedStatement {
  return d1
    .prepare(
      `INSERT INTO passkeys (id, user_id, name, public_key, counter, transports, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT count(*) FROM passkeys WHERE user_id = ?2) < ?8`,
    )
    .bind(
      passkey.id,
      passkey.userId,
      passkey.name,
      passkey.publicKey,
      passkey.counter,
      passkey.transports,
      passkey.createdAt,
      limit,
    );
}

export function deletePasskeyStatement(d1: D1Database, userId: string, id: string): D1PreparedStatement {
  return d1.prepare("DELETE FROM passkeys WHERE id = ? AND user_id = ?").bind(id, userId);
}

/** False when another use came between: a counter only ever grows, unless the authenticator does not count. */
export async function usePasskey(
  d1: D1Database,
  use: { readonly id: string; readonly counter: number; readonly now: number },
): Promise<boolean> {
  const result = await d1
    .prepare("UPDATE passkeys SET counter = ?2, last_used_at = ?3 WHERE id = ?1 AND (counter < ?2 OR ?2 = 0)")
    .bind(use.id, use.counter, use.now)
    .run();
  return result.meta.changes > 0;
}

/** Changes the row, so that its audit entry is written with it. */
export function notePasskeyFailureStatement(d1: D1Database, id: string, now: number): D1PreparedStatement {
  return d1.prepare("UPDATE passkeys SET refused_at = ? WHERE id = ?").bind(now, id);
}

/** `userId` is null for a sign-in. */
export async function insertPasskeyChallenge(
  d1: D1Database,
  challenge: {
    readonly hash: string;
    readonly userId: string | null;
    readonly now: number;
    readonly expiresAt: number;
  },
): Promise<void> {
  await d1.batch([
    d1.prepare("DELETE FROM passkey_challenges WHERE expires_at <= ?").bind(challenge.now),
    d1
      .prepare("INSERT INTO passkey_challenges (hash, user_id, expires_at) VALUES (?, ?, ?)")
      .bind(challenge.hash, challenge.userId, challenge.expiresAt),
  ]);
}

/** Each is met once, by whom it was made for. */
export async function takePasskeyChallenge(
  d1: D1Database,
  hash: string,
  userId: string | null,
  now: number,
): Promise<boolean> {
  const result = await d1
    .prepare("DELETE FROM passkey_challenges WHERE hash = ? AND user_id IS ? AND expires_at > ?")
    .bind(hash, userId, now)
    .run();
  return result.meta.changes > 0;
}
