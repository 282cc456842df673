/**
 * `npm test [suite…]`: sets the machine up, builds, checks, and runs every layer of tests.
 *
 * Suites: check, unit, simulation, sdk, system, e2e; default all. A suite that did not run is a failure, and
 * the last line of the output is `N passed, N failed`, followed by `, N skipped` where tests were.
 */
import { availableParallelism } from "node:os";
import { build, type BuildResult } from "./build.ts";
import { runChecks } from "./checks/checks.ts";
import {
  ensureChromium,
  ensureDocker,
  ensureOpenSsh,
  ensurePython,
  ensureShellTools,
  type Ensured,
} from "./machine.ts";
import { formatMs } from "./progress.ts";
import { runBats } from "./test/bats-suite.ts";
import { COVERED_PARTS, countLines, type LineCount, readReports, sumCounts } from "./test/coverage.ts";
import { runImages } from "./test/images-suite.ts";
import { failure, type Outcome, type PartResult } from "./test/outcome.ts";
import { runPython } from "./test/python-suite.ts";
import { coverageFailures, type MeasuredPart, summarize } from "./test/summary.ts";
import { addChildReports, clearChildReports } from "./test/v8-coverage.ts";
import { coverageFile, runVitest } from "./test/vitest-suite.ts";
import { findProgram } from "./debian-packages.ts";

const UNIT_PROJECTS = [
  "protocol",
  "control-plane",
  "launcher",
  "worker",
  "runner",
  "cli",
  "sdk-node",
  "web",
  "script",
] as const;

const UNIT_TIMEOUT_MS = 3_600_000;
const SIMULATION_TIMEOUT_MS = 3_600_000;
const SDK_TIMEOUT_MS = 1_200_000;
const SYSTEM_TIMEOUT_MS = 3_600_000;
const E2E_TIMEOUT_MS = 1_800_000;

/** What the suites hand to one another. */
interface Run {
  /** All suites run, so coverage is complete and can be judged. */
  readonly complete: boolean;
  chromium: string;
  python: string;
  pythonLines: readonly LineCount[];
}

type Suite = (run: Run) => Promise<PartResult[]>;

async function check(): Promise<PartResult[]> {
  const begin = performance.now();
  const results = await runChecks(({ name, ok, ms }) => {
    process.stdout.write(`  ${ok ? "ok    " : "FAILED"} ${name} (${formatMs(ms)})\n`);
  });
  const outcomes = results.map(({ name, ok, output }): Outcome =>
    ok ? { part: "check", name, state: "passed" } : failure("check", name, output),
  );
  return [{ part: "check", ms: performance.now() - begin, outcomes }];
}

function unit(run: Run): Promise<PartResult[]> {
  return runVitest({
    name: "unit",
    projects: UNIT_PROJECTS,
    coverage: run.complete,
    timeoutMs: UNIT_TIMEOUT_MS,
  });
}

/** Processor time alone, and no clock but its own: it takes what the others leave. */
function simulation(run: Run): Promise<PartResult[]> {
  return runVitest({
    name: "simulation",
    projects: ["simulation"],
    coverage: run.complete,
    niceness: 10,
    timeoutMs: SIMULATION_TIMEOUT_MS,
  });
}

async function sdk(run: Run): Promise<PartResult[]> {
  const conformance = await runVitest({
    name: "sdk",
    projects: ["conformance"],
    coverage: run.complete,
    timeoutMs: SDK_TIMEOUT_MS,
  });
  const python = await runPython(run.python);
  run.pythonLines = python.coverage;
  return [...conformance, python.result, await runBats(findProgram(["bats"]) ?? "bats")];
}

async function system(run: Run): Promise<PartResult[]> {
  const images = await runImages();
  const tests = await runVitest({
    name: "system",
    projects: ["executor", "cli-system", "system"],
    coverage: run.complete,
    timeoutMs: SYSTEM_TIMEOUT_MS,
  });
  return [images, ...tests];
}

function e2e(run: Run): Promise<PartResult[]> {
  return runVitest({
    name: "e2e",
    projects: ["e2e"],
    coverage: false,
    env: { CRONIUM_CHROMIUM: run.chromium },
    timeoutMs: E2E_TIMEOUT_MS,
  });
}

const SUITES = { check, unit, simulation, sdk, system, e2e } as const satisfies Record<string, Suite>;

type SuiteName = keyof typeof SUITES;

const SUITE_NAMES = Object.keys(SUITES) as SuiteName[];

/**
 * What runs beside what, once the checks are done: the first lane keeps processors busy, the second mostly waits for
 * containers, leases and timers, and the third fills what is left. On two cores they take little more than half of the
 * time that they take one after the other.
 */
const LANES: readonly (readonly SuiteName[])[] =
  availableParallelism() > 1
    ? [["unit", "sdk", "e2e"], ["system"], ["simulation"]]
    : [["unit", "simulation", "sdk", "system", "e2e"]];

/** Installs and starts what the suites need; what is missing counts as a failure. */
async function setUp(run: Run): Promise<PartResult> {
  const begin = performance.now();
  const outcomes: Outcome[] = [];
  const needs = async <T>(name: string, ensured: Promise<Ensured<T>>): Promise<T | undefined> => {
    const result = await ensured;
    if (!result.ok) {
      outcomes.push(failure("set-up", name, result.message));
      return undefined;
    }
    return result.value;
  };
  // One after the other: the package manager takes no second installation meanwhile.
  await needs("Docker", ensureDocker());
  run.chromium = (await needs("Chromium", ensureChromium())) ?? "";
  await needs("OpenSSH", ensureOpenSsh());
  await needs("shell tools", ensureShellTools());
  run.python = (await needs("Python", ensurePython())) ?? "python3";
  try {
    const results: BuildResult[] = await build();
    process.stdout.write(`Built: ${results.map(({ target, outcome }) => `${target} ${outcome}`).join(", ")}\n`);
  } catch (error) {
    outcomes.push(failure("set-up", "build", error instanceof Error ? error.message : ""));
  }
  return { part: "set-up", ms: performance.now() - begin, outcomes };
}

function measure(run: Run): MeasuredPart[] {
  const hits = readReports(["unit", "simulation", "sdk", "system"].map(coverageFile));
  addChildReports(hits);
  const parts = Object.entries(COVERED_PARTS).map(([part, pattern]) => ({
    part,
    count: countLines(hits, pattern),
  }));
  return [...parts, { part: "sdk-python", count: sumCounts(run.pythonLines) }];
}

async function main(args: readonly string[]): Promise<number> {
  const isSuite = (name: string): name is SuiteName => Object.hasOwn(SUITES, name);
  const unknown = args.filter((name) => !isSuite(name));
  if (unknown.length > 0) {
    process.stderr.write(`Unknown suite ${unknown.join(", ")}. Known: ${SUITE_NAMES.join(", ")}.\n`);
    return 2;
  }
  const wanted = args.length === 0 ? SUITE_NAMES : args.filter(isSuite);
  const run: Run = {
    complete: wanted.length === SUITE_NAMES.length,
    chromium: "",
    python: "python3",
    pythonLines: [],
  };
  clearChildReports();
  const results: PartResult[] = [await setUp(run)];
  const finished = new Map<SuiteName, PartResult[]>();
  const runSuites = async (names: readonly SuiteName[]): Promise<void> => {
    for (const name of names.filter((one) => wanted.includes(one))) {
      process.stdout.write(`\n${name}\n`);
      finished.set(name, await SUITES[name](run));
    }
  };
  await runSuites(["check"]);
  await Promise.all(LANES.map(runSuites));
  results.push(...SUITE_NAMES.flatMap((name) => finished.get(name) ?? []));
  const measured = run.complete ? measure(run) : [];
  const below = coverageFailures(measured);
  if (below.length > 0) {
    results.push({ part: "coverage", ms: 0, outcomes: below });
  }
  const { text, failed } = summarize(results, measured);
  process.stdout.write(text);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
