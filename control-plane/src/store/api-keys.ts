/** D1: hashes of API keys. */
import { and, eq, isNull } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { apiKeys } from "./schema.ts";

export type ApiKeyRow = typeof apiKeys.$inferSelect;

/** By the hash of the whole key; index `api_keys_hash`. */
export function findApiKey(db: DrizzleD1Database, hash: string): Promise<ApiKeyRow | undefined> {
  return db.select().from(apiKeys).where(eq(apiKeys.hash, hash)).get();
}

export async function insertApiKey(db: DrizzleD1Database, row: ApiKeyRow): Promise<void> {
  await db.insert(apiKeys).values(row);
}

/** Answers the key that was ended; undefined when there is none, or it had ended before. */
export function revokeApiKey(db: DrizzleD1Database, hash: string, now: number): Promise<ApiKeyRow | undefined> {
  return db
    .update(apiKeys)
    .set({ revokedAt: now })
    .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt)))
    .returning()
    .get();
}
