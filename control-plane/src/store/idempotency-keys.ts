/** D1: Idempotency-Keys of requests whose answer is kept, by hash; the answer is sealed. */

export interface KeyClaim {
  readonly hash: string;
  readonly workspaceId: string;
  readonly requestHash: string;
  readonly now: number;
  /** Claims from before this are forgotten. */
  readonly expiredBefore: number;
  /** Claims from before this that have no answer were cut off, and may be taken over by the same request. */
  readonly cutOffBefore: number;
}

export interface HeldKey {
  readonly requestHash: string;
  /** Sealed; null while the request is under way. */
  readonly answer: string | null;
}

/** Null when the key is this request's now; else what holds it. Of two at once one gets it. */
export async function claimKey(d1: D1Database, claim: KeyClaim): Promise<HeldKey | null> {
  const [, claimed, held] = await d1.batch<{ readonly hash: string } & HeldKey>([
    d1.prepare("DELETE FROM idempotency_keys WHERE claimed_at <= ?").bind(claim.expiredBefore),
    d1
      .prepare(
        `INSERT INTO idempotency_keys (hash, workspace_id, request_hash, claimed_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (hash) DO UPDATE SET claimed_at = ?4
         WHERE answer IS NULL AND claimed_at <= ?5 AND request_hash = ?3
         RETURNING hash`,
      )
      .bind(claim.hash, claim.workspaceId, claim.requestHash, claim.now, claim.cutOffBefore),
    d1.prepare(`SELECT request_hash AS "requestHash", answer FROM idempotency_keys WHERE hash = ?`).bind(claim.hash),
  ]);
  return claimed?.results.length === 1 ? null : (held?.results[0] ?? null);
}

/** Nothing when another request has taken the key over, or the workspace is gone. */
export async function keepAnswer(d1: D1Database, claim: KeyClaim, answer: string): Promise<void> {
  await d1
    .prepare("UPDATE idempotency_keys SET answer = ?3 WHERE hash = ?1 AND claimed_at = ?2")
    .bind(claim.hash, claim.now, answer)
    .run();
}

/** Frees the key: the request has made nothing. */
export async function releaseKey(d1: D1Database, claim: KeyClaim): Promise<void> {
  await d1
    .prepare("DELETE FROM idempotency_keys WHERE hash = ?1 AND claimed_at = ?2 AND answer IS NULL")
    .bind(claim.hash, claim.now)
    .run();
}
