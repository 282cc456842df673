/** What `npm run check` checks: each entry is one line of its report and one test of `npm test`. */
import { join } from "node:path";
import { runCommand, withoutColours } from "../command.ts";
import { findProgram } from "../debian-packages.ts";
import { listShellScripts, ROOT } from "../repository.ts";
import { checkLockfile } from "./lockfile.ts";
import { checkPython } from "./python.ts";

interface Check {
  readonly name: string;
  /** Answers what is wrong, ready to print; empty when nothing is. */
  readonly run: () => Promise<string>;
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly output: string;
}

async function tool(program: string, args: readonly string[]): Promise<string> {
  const path = join(ROOT, "node_modules", ".bin", program);
  const result = await runCommand(path, args, { cwd: ROOT });
  return result.code === 0 ? "" : result.output.trim() || `${program} ended with ${result.code}`;
}

async function shellcheck(): Promise<string> {
  const program = findProgram(["shellcheck"]);
  if (program === undefined) {
    return "shellcheck is missing: on Debian or Ubuntu run as root: apt-get install shellcheck";
  }
  const files = await listShellScripts();
  const result = await runCommand(program, ["--external-sources", ...files], { cwd: ROOT });
  return result.code === 0 ? "" : result.output.trim();
}

const CHECKS: readonly Check[] = [
  { name: "types (tsc -b)", run: () => tool("tsc", ["-b"]) },
  { name: "lint (oxlint)", run: () => tool("oxlint", ["--type-aware", "--deny-warnings"]) },
  { name: "format (oxfmt)", run: () => tool("oxfmt", ["--check"]) },
  { name: "dead code (knip)", run: () => tool("knip", ["--no-progress"]) },
  { name: "manifests (sherif)", run: () => tool("sherif", ["--fail-on-warnings"]) },
  { name: "python (ruff)", run: async () => (await checkPython()).join("\n") },
  { name: "shell (shellcheck)", run: shellcheck },
  { name: "lockfile", run: () => Promise.resolve(checkLockfile().join("\n")) },
];

/** More at once would only make each slower on a small machine. */
const AT_ONCE = 2;

async function runOne(check: Check): Promise<CheckResult> {
  const begin = performance.now();
  let output: string;
  try {
    output = await check.run();
  } catch (error) {
    output = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return { name: check.name, ok: output === "", ms: performance.now() - begin, output: withoutColours(output) };
}

/** Runs all checks, a few at once, and calls `done` as each one ends. */
export async function runChecks(done: (result: CheckResult) => void): Promise<CheckResult[]> {
  const waiting = [...CHECKS];
  const results: CheckResult[] = [];
  const work = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const result = await runOne(check);
      results.push(result);
      done(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
