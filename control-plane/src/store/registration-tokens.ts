/** D1: hashes of registration tokens, each good for one runner. */
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { registrationTokens } from "./schema.ts";

export async function insertRegistrationToken(
  db: DrizzleD1Database,
  row: Omit<typeof registrationTokens.$inferSelect, "usedAt" | "runnerId">,
): Promise<void> {
  await db.insert(registrationTokens).values(row);
}
