/** D1: which migrations were applied, in the table that wrangler keeps too. */

export interface Migration {
  /** File name, such as `0001_initial.sql`. */
  readonly name: string;
  readonly sql: string;
}

/** drizzle-kit writes this line between statements. */
const BREAKPOINT = "--> statement-breakpoint";

export async function createMigrationTable(d1: D1Database): Promise<void> {
  await d1
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations (
         id INTEGER PRIMARY KEY AUTOINCREMENT,
         name TEXT UNIQUE,
         applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
       )`,
    )
    .run();
}

/** Empty when the table does not exist yet. */
export async function appliedMigrations(d1: D1Database): Promise<ReadonlySet<string>> {
  const table = await d1
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'")
    .first();
  if (table === null) {
    return new Set();
  }
  const { results } = await d1.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  return new Set(results.map((row) => row.name));
}

/** One transaction: the statements and the note that they were applied. */
export async function applyMigration(d1: D1Database, migration: Migration): Promise<void> {
  const statements = migration.sql
    .split(BREAKPOINT)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "")
    .map((statement) => d1.prepare(statement));
  const note = d1.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(migration.name);
  await d1.batch([...statements, note]);
}
