/** `npm run fix`: formats everything and applies the linter's safe fixes. */
import { join } from "node:path";
import { formatPython } from "./checks/python.ts";
import { runCommand } from "./command.ts";
import { ROOT } from "./repository.ts";

const BIN = join(ROOT, "node_modules", ".bin");

const lint = await runCommand(join(BIN, "oxlint"), ["--fix"], { cwd: ROOT });
process.stdout.write(lint.output);
const format = await runCommand(join(BIN, "oxfmt"), ["--write"], { cwd: ROOT });
process.stdout.write(format.output);
for (const path of await formatPython()) {
  process.stdout.write(`${path} formatted\n`);
}
process.exitCode = lint.code === 0 && format.code === 0 ? 0 : 1;
