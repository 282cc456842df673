/** `cli-start`: `cronium --version`, and a command's help, from start to end beside Node that does nothing. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Benchmark, noGateBroken } from "../benchmark.ts";
import { type Case, meetsGoal } from "../report.ts";
import { figuresOf, median } from "../samples.ts";

const MAIN = join(import.meta.dirname, "../../../cli/dist/main.js");
const PER_ROUND = 10;

/** 80 ms beside the 40 of a bare Node. */
const GOAL = "<= 2";

export const cliStart: Benchmark = ({ rounds, progress }) => {
  const kinds = { version: [MAIN, "--version"], help: [MAIN, "runs", "list", "--help"], bare: ["-e", "0"] } as const;
  const all: Record<keyof typeof kinds, number[]> = { version: [], help: [], bare: [] };
  const ratios = { version: [] as number[], help: [] as number[] };
  for (let round = 1; round <= rounds; round += 1) {
    progress(`cli-start round ${round} of ${rounds}`);
    const mine: Record<keyof typeof kinds, number[]> = { version: [], help: [], bare: [] };
    for (let i = 0; i < PER_ROUND; i += 1) {
      for (const [kind, args] of Object.entries(kinds) as [keyof typeof kinds, readonly string[]][]) {
        mine[kind].push(timeOf(args));
      }
    }
    for (const kind of ["version", "help"] as const) {
      ratios[kind].push(median(mine[kind]) / median(mine.bare));
    }
    for (const [kind, values] of Object.entries(mine) as [keyof typeof kinds, number[]][]) {
      all[kind].push(...values);
    }
  }
  const entry = (name: string, kind: "version" | "help"): Case => ({
    case: name,
    unit: "ms",
    ours: figuresOf(all[kind]),
    reference: { name: "node -e 0", version: process.version, ...figuresOf(all.bare) },
    ratio: median(ratios[kind]),
    goal: GOAL,
    pass: meetsGoal(median(ratios[kind]), GOAL),
  });
  return Promise.resolve({
    cases: [entry("cronium --version", "version"), entry("cronium runs list --help", "help")],
    gates: noGateBroken,
    notes: [`${PER_ROUND} starts of each kind per round, one at a time, interleaved.`],
  });
};

/** Milliseconds from start to end; throws when it fails. */
function timeOf(args: readonly string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [...args], { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  }
  return performance.now() - begin;
}
