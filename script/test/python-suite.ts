import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runCommand } from "../command.ts";
import { ROOT } from "../repository.ts";
import type { LineCount } from "./coverage.ts";
import { failure, type Outcome, type PartResult, requireTests } from "./outcome.ts";

const PART = "sdk-python";
const TESTS = join(ROOT, "runtime-sdk/python/tests");
const SOURCE = join(ROOT, "runtime-sdk/python/cronium");
const TIMEOUT_MS = 300_000;

interface Report {
  readonly outcomes: readonly { name: string; state: Outcome["state"]; detail: string }[];
  readonly coverage: Readonly<Record<string, LineCount>>;
}

/** Runs the Python SDK's unittest suite; answers its tests and the lines it covered. */
export async function runPython(python: string): Promise<{ result: PartResult; coverage: readonly LineCount[] }> {
  const file = join(ROOT, ".cache/test/sdk-python.json");
  mkdirSync(join(ROOT, ".cache/test"), { recursive: true });
  rmSync(file, { force: true });
  const begin = performance.now();
  const program = join(ROOT, "script/test/unittest_report.py");
  const run = await runCommand(python, [program, TESTS, SOURCE, file], {
    cwd: ROOT,
    timeoutMs: TIMEOUT_MS,
  });
  const ms = performance.now() - begin;
  if (!existsSync(file)) {
    const ended = failure(PART, "the suite did not run", lastLines(run.output, 30));
    return { result: { part: PART, ms, outcomes: [ended] }, coverage: [] };
  }
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  const outcomes = report.outcomes.map((outcome) => ({ part: PART, ...outcome }));
  return {
    result: requireTests({ part: PART, ms, outcomes }),
    coverage: Object.values(report.coverage),
  };
}
