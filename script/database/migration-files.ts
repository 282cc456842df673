/** The migrations in `migrations/`, the list that the Worker imports, and the schema they lead to. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ROOT } from "../repository.ts";

export const MIGRATIONS = join(ROOT, "migrations");
export const MIGRATION_LIST = join(ROOT, "control-plane/src/store/migration-list.ts");
export const SCHEMA_DUMP = join(ROOT, "control-plane/test/schema.sql");

/** File names, oldest first. */
export function migrationNames(): string[] {
  return readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith(".sql"))
    .toSorted();
}

/** The module through which the Worker gets every migration as text. */
export function migrationListModule(names: readonly string[]): string {
  const imported = names.map((name) => {
    const [, number = "", words = ""] = /^(\d{4})_(\w+)\.sql$/.exec(name) ?? [];
    const camel = words.replaceAll(/_(\w)/g, (_match, letter: string) => letter.toUpperCase());
    return { name, variable: `${camel}${number}` };
  });
  return `/** Every migration, oldest first. \`npm run db:generate\` writes this file. */
${imported.map(({ name, variable }) => `import ${variable} from "../../../migrations/${name}";`).join("\n")}
import type { Migration } from "./migrations.ts";

export const migrations: readonly Migration[] = [
${imported.map(({ name, variable }) => `  { name: "${name}", sql: ${variable} },`).join("\n")}
];
`;
}

/** Applies all migrations to an empty database and writes down what is in it then. */
export function dumpSchema(names: readonly string[]): string {
  const database = new DatabaseSync(":memory:");
  for (const name of names) {
    database.exec(readFileSync(join(MIGRATIONS, name), "utf8"));
  }
  const rows = database
    .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name")
    .all() as { sql: string }[];
  database.close();
  return `-- What the migrations lead to; written by npm run db:generate.\n${rows.map((row) => `${row.sql};\n`).join("\n")}`;
}
