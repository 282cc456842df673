/** D1: hashes of API keys. */
import { eq } from "drizzle-orm";
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
