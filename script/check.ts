/** `npm run check`: format, lint, types, dead code, manifests, Python, shell and lockfile. */
import { build } from "./build.ts";
import { runChecks } from "./checks/checks.ts";
import { ensureShellTools } from "./machine.ts";
import { formatMs, reportToTerminal } from "./progress.ts";

// Scripts in containers import the SDK by its name: its types are those of the build.
await build(["sdk"]);
const shellTools = await ensureShellTools();
if (!shellTools.ok) {
  reportToTerminal(shellTools.message);
}
const results = await runChecks(({ name, ok, ms, output }) => {
  const line = `${ok ? "ok    " : "FAILED"} ${name.padEnd(22)} ${formatMs(ms)}`;
  process.stdout.write(ok ? `${line}\n` : `${line}\n${output}\n\n`);
});
const failed = results.filter((result) => !result.ok);
process.stdout.write(`${results.length - failed.length} passed, ${failed.length} failed\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
