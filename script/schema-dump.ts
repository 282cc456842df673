/** The database schema that all migrations together make, as text for people and for comparison. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ROOT } from "./repository.ts";

const HEADER = "-- The schema that migrations/ makes. Written by `npm run db:generate`; never edited by hand.\n";

export const SCHEMA_FILE = join(ROOT, "control-plane/test/schema.sql");

/** Applies every migration in the order of its number to an empty database and lists what is there. */
export function dumpSchema(folder = join(ROOT, "migrations")): string {
  const database = new DatabaseSync(":memory:");
  const files = readdirSync(folder).filter((name) => /^\d{4}_.*\.sql$/u.test(name));
  for (const name of files.toSorted()) {
    database.exec(readFileSync(join(folder, name), "utf8"));
  }
  const rows = database
    .prepare("select sql from sqlite_master where sql is not null order by tbl_name, type desc, name")
    .all();
  database.close();
  return `${HEADER}\n${rows.map((row) => `${String(row["sql"])};\n`).join("\n")}`;
}
