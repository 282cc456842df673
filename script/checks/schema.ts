import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { ROOT } from "../repository.ts";
import { dumpSchema, SCHEMA_FILE } from "../schema-dump.ts";

/** Answers a line when the committed schema is not what the migrations make. */
export function checkSchema(): string {
  const committed = existsSync(SCHEMA_FILE) ? readFileSync(SCHEMA_FILE, "utf8") : "";
  return committed === dumpSchema() ? "" : `${relative(ROOT, SCHEMA_FILE)} is stale; run npm run db:generate`;
}
