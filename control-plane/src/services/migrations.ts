/** Brings D1 to the schema that this Worker was built with; hosted, `wrangler d1 migrations apply` does the same. */
import type { Deps } from "../deps.ts";
import { appliedMigrations, applyMigration, createMigrationTable } from "../store/migrations.ts";
import { migrations } from "../store/migration-list.ts";

/** Applies what is missing, in order, each in a transaction of its own; answers the names. */
export async function migrate(deps: Pick<Deps, "d1" | "log">): Promise<string[]> {
  await createMigrationTable(deps.d1);
  const missing = await missingMigrations(deps);
  for (const name of missing) {
    const migration = migrations.find((candidate) => candidate.name === name);
    if (migration !== undefined) {
      await applyMigration(deps.d1, migration);
      deps.log.info("migration.applied", { name });
    }
  }
  return missing;
}

/** Names that the database has not seen yet. Migrations it knows and this Worker does not are left alone: a roll-back. */
export async function missingMigrations(deps: Pick<Deps, "d1">): Promise<string[]> {
  const applied = await appliedMigrations(deps.d1);
  return migrations.map((migration) => migration.name).filter((name) => !applied.has(name));
}
