/**
 * `npm run db:generate [-- --name what_it_does]`: writes a migration for what changed in
 * control-plane/src/store/schema.ts, and the dump of the schema that all migrations make.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { runCommand } from "./command.ts";
import { ROOT } from "./repository.ts";
import { dumpSchema, SCHEMA_FILE } from "./schema-dump.ts";

const args = ["generate", "--config", "control-plane/drizzle.config.ts", ...process.argv.slice(2)];
const generated = await runCommand(join(ROOT, "node_modules/.bin/drizzle-kit"), args, { cwd: ROOT });
process.stdout.write(generated.output);
if (generated.code === 0) {
  mkdirSync(dirname(SCHEMA_FILE), { recursive: true });
  writeFileSync(SCHEMA_FILE, dumpSchema());
  process.stdout.write(`Wrote ${relative(ROOT, SCHEMA_FILE)}\n`);
}
process.exitCode = generated.code;
