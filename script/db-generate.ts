/**
 * `npm run db:generate [-- name]`: writes the migration from the last one to `control-plane/src/store/schema/`, the list
 * that the Worker imports, and the schema dump. Without a change in the schema, only the last two.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runCommand } from "./command.ts";
import {
  dumpSchema,
  MIGRATION_LIST,
  migrationListModule,
  migrationNames,
  SCHEMA_DUMP,
} from "./database/migration-files.ts";
import { reportToTerminal as say } from "./progress.ts";
import { ROOT } from "./repository.ts";

async function main(name: string): Promise<number> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    say(`A migration is named with lower-case letters, digits and _, not ${JSON.stringify(name)}.`);
    return 2;
  }
  const before = migrationNames();
  const args = ["generate", "--config", "control-plane/drizzle.config.ts", "--name", name];
  const result = await runCommand(join(ROOT, "node_modules/.bin/drizzle-kit"), args, { cwd: ROOT });
  if (result.code !== 0) {
    say(`drizzle-kit failed:\n${lastLines(result.output)}`);
    return 1;
  }
  const names = migrationNames();
  const list = migrationListModule(names);
  writeFileSync(MIGRATION_LIST, list);
  await runCommand(join(ROOT, "node_modules/.bin/oxfmt"), [MIGRATION_LIST], { cwd: ROOT });
  writeFileSync(SCHEMA_DUMP, dumpSchema(names));
  const added = names.filter((file) => !before.includes(file));
  say(
    added.length === 0
      ? "The schema has not changed."
      : `Wrote migrations/${added.join(", ")}. Begin it with a line that says compatible or breaking, and why.`,
  );
  return 0;
}

process.exitCode = await main(process.argv[2] ?? "change");
