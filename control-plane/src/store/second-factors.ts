/** D1: second factors of people, their recovery codes, and sign-ins that wait for one. */

export interface SecondFactorRow {
  /** Sealed. */
  readonly secret: string;
  /** Null while it is being set up: it is not asked for yet. */
  readonly confirmedAt: number | null;
}

export function findSecondFactor(d1: D1Database, userId: string): Promise<SecondFactorRow | null> {
  return d1
    .prepare(`SELECT secret, confirmed_at AS "confirmedAt" FROM second_factors WHERE user_id = ?`)
    .bind(userId)
    .first<SecondFactorRow>();
}

/** Begins anew; changes nothing for a factor that is in use. */
export async function beginSecondFactor(
  d1: D1Database,
  factor: { readonly userId: string; readonly secret: string; readonly now: number },
): Promise<boolean> {
  const result = await d1
    .prepare(
      `INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES (?1, ?2, 0, ?3)
       ON CONFLICT (user_id) DO UPDATE SET secret = ?2, last_step = 0, created_at = ?3 WHERE confirmed_at IS NULL`,
    )
    .bind(factor.userId, factor.secret, factor.now)
    .run();
  return result.meta.changes > 0;
}

/** From now on it is asked for; changes nothing for one that is in use, or begun anew meanwhile. */
export function confirmStatements(
  d1: D1Database,
  factor: { readonly userId: string; readonly secret: string; readonly step: number; readonly now: number },
  codeHashes: readonly string[],
): D1PreparedStatement[] {
  const { userId, secret, step, now } = factor;
  return [
    ...replaceCodesStatements(d1, userId, codeHashes),
    d1
      .prepare(
        `UPDATE second_factors SET confirmed_at = ?3, last_step = ?4
         WHERE user_id = ?1 AND secret = ?2 AND confirmed_at IS NULL`,
      )
      .bind(userId, secret, now, step),
  ];
}

export function replaceCodesStatements(
  d1: D1Database,
  userId: string,
  codeHashes: readonly string[],
): D1PreparedStatement[] {
  return [
    d1.prepare("DELETE FROM recovery_codes WHERE user_id = ?").bind(userId),
    ...codeHashes.map((hash) =>
      d1.prepare("INSERT INTO recovery_codes (hash, user_id) VALUES (?, ?)").bind(hash, userId),
    ),
  ];
}

export function removeStatements(d1: D1Database, userId: string): D1PreparedStatement[] {
  return [
    d1.prepare("DELETE FROM recovery_codes WHERE user_id = ?").bind(userId),
    d1.prepare("DELETE FROM second_factors WHERE user_id = ?").bind(userId),
  ];
}

/** False for a step that was used before: a code that somebody watched being typed is worth nothing. */
export async function useStep(d1: D1Database, userId: string, step: number): Promise<boolean> {
  const result = await d1
    .prepare("UPDATE second_factors SET last_step = ?2 WHERE user_id = ?1 AND last_step < ?2")
    .bind(userId, step)
    .run();
  return result.meta.changes > 0;
}

export function useCodeStatement(d1: D1Database, userId: string, hash: string): D1PreparedStatement {
  return d1.prepare("DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?").bind(userId, hash);
}

export async function countCodes(d1: D1Database, userId: string): Promise<number> {
  const sql = "SELECT count(*) AS n FROM recovery_codes WHERE user_id = ?";
  return (await d1.prepare(sql).bind(userId).first<number>("n")) ?? 0;
}

export interface SignInChallenge {
  readonly hash: string;
  readonly userId: string;
  readonly remember: boolean;
  readonly now: number;
  readonly expiresAt: number;
}

export async function insertChallenge(d1: D1Database, challenge: SignInChallenge): Promise<void> {
  await d1.batch([
    d1.prepare("DELETE FROM sign_in_challenges WHERE expires_at <= ?").bind(challenge.now),
    d1
      .prepare("INSERT INTO sign_in_challenges (hash, user_id, remember, tries, expires_at) VALUES (?, ?, ?, 0, ?)")
      .bind(challenge.hash, challenge.userId, challenge.remember ? 1 : 0, challenge.expiresAt),
  ]);
}

/** Counts a try; null once there were too many, it has expired, or was met. */
export async function tryChallenge(
  d1: D1Database,
  hash: string,
  now: number,
  maxTries: number,
): Promise<{ readonly userId: string; readonly remember: boolean } | null> {
  const row = await d1
    .prepare(
      `UPDATE sign_in_challenges SET tries = tries + 1 WHERE hash = ? AND expires_at > ? AND tries < ?
       RETURNING user_id AS "userId", remember`,
    )
    .bind(hash, now, maxTries)
    .first<{ userId: string; remember: number }>();
  return row === null ? null : { userId: row.userId, remember: row.remember === 1 };
}

/** False when it was met at the same moment by somebody else. */
export async function endChallenge(d1: D1Database, hash: string): Promise<boolean> {
  const result = await d1.prepare("DELETE FROM sign_in_challenges WHERE hash = ?").bind(hash).run();
  return result.meta.changes > 0;
}
