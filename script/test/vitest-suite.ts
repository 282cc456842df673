import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runCommand } from "../command.ts";
import { ROOT } from "../repository.ts";
import { failure, type PartResult, requireTests } from "./outcome.ts";
import { CHILD_COVERAGE } from "./v8-coverage.ts";
import type { VitestReport } from "./vitest-reporter.ts";

const REPORTS = join(ROOT, ".cache", "test");

export interface VitestRun {
  /** Name of the run's report and coverage files. */
  readonly name: string;
  readonly projects: readonly string[];
  readonly coverage: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** How much it lets others go first, from 0 to 19; default 0. */
  readonly niceness?: number;
  /** Milliseconds until the whole run is given up. */
  readonly timeoutMs: number;
}

/** Where a run leaves its coverage report. */
export function coverageFile(name: string): string {
  return join(ROOT, ".cache", "coverage", name, "coverage-final.json");
}

/** Runs some Vitest projects in one process; every project must bring at least one test. */
export async function runVitest(run: VitestRun): Promise<PartResult[]> {
  const report = join(REPORTS, `${run.name}.json`);
  mkdirSync(REPORTS, { recursive: true });
  rmSync(report, { force: true });
  const begin = performance.now();
  const result = await runCommand(
    join(ROOT, "node_modules", ".bin", "vitest"),
    [
      "run",
      ...run.projects.flatMap((project) => ["--project", project]),
      `--reporter=${join(ROOT, "script/test/vitest-reporter.ts")}`,
      ...(run.coverage ? ["--coverage", `--coverage.reportsDirectory=${join(ROOT, ".cache/coverage", run.name)}`] : []),
    ],
    {
      cwd: ROOT,
      env: {
        ...process.env,
        ...run.env,
        CRONIUM_TEST_REPORT: report,
        NO_COLOR: "1",
        ...(run.coverage ? { CRONIUM_CHILD_COVERAGE: CHILD_COVERAGE } : {}),
      },
      timeoutMs: run.timeoutMs,
      ...(run.niceness === undefined ? {} : { niceness: run.niceness }),
      onOutput: (text) => process.stdout.write(text),
    },
  );
  const ms = performance.now() - begin;
  if (!existsSync(report)) {
    const detail = lastLines(result.output, 40);
    return run.projects.map((part) => ({
      part,
      ms,
      outcomes: [failure(part, "vitest ended without a report", detail)],
    }));
  }
  const { outcomes, ms: times } = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
  const parts = run.projects.map((part) =>
    requireTests({
      part,
      ms: times[part] ?? 0,
      outcomes: outcomes.filter((outcome) => outcome.part === part),
    }),
  );
  const outside = outcomes.filter((outcome) => !run.projects.includes(outcome.part));
  const silent = result.code !== 0 && !outcomes.some((outcome) => outcome.state === "failed");
  if (silent) {
    outside.push(failure("vitest", `exit code ${result.code}`, lastLines(result.output, 40)));
  }
  return outside.length > 0 ? [...parts, { part: "vitest", ms: 0, outcomes: outside }] : parts;
}
