/** Line coverage over several runs: a line counts when any run reached it. */
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { ROOT } from "../repository.ts";

/** The floor of `CONTRIBUTING.md`, in percent of lines. */
export const COVERAGE_FLOOR = 80;

export interface LineCount {
  readonly lines: number;
  readonly covered: number;
}

/** The parts that are held to the floor, each by the paths of its files. */
export const COVERED_PARTS = {
  protocol: /^protocol\/src\//u,
  "control-plane": /^control-plane\/src\/(?:domain|services)\//u,
  runner: /^runner\/src\//u,
  "sdk-node": /^runtime-sdk\/node\/src\//u,
} as const;

/** The part of an Istanbul report that line coverage needs. */
type IstanbulReport = Readonly<
  Record<
    string,
    {
      readonly statementMap: Readonly<Record<string, { readonly start: { readonly line: number } }>>;
      readonly s: Readonly<Record<string, number>>;
    }
  >
>;

/** Hits per line and file, added up over reports. */
export type LineHits = Map<string, Map<number, number>>;

/** Adds a report to the hits. As in Istanbul, a line's hits are those of its statements. */
export function addReport(hits: LineHits, report: IstanbulReport): void {
  for (const [path, { statementMap, s }] of Object.entries(report)) {
    const lines = hits.get(path) ?? new Map<number, number>();
    hits.set(path, lines);
    for (const [id, { start }] of Object.entries(statementMap)) {
      lines.set(start.line, (lines.get(start.line) ?? 0) + (s[id] ?? 0));
    }
  }
}

/** Reads the reports that exist among the given files. */
export function readReports(files: readonly string[]): LineHits {
  const hits: LineHits = new Map();
  for (const file of files) {
    if (existsSync(file)) {
      addReport(hits, JSON.parse(readFileSync(file, "utf8")) as IstanbulReport);
    }
  }
  return hits;
}

/** Counts the lines of all files whose path below the root matches. */
export function countLines(hits: LineHits, pattern: RegExp): LineCount {
  let lines = 0;
  let covered = 0;
  for (const [path, perLine] of hits) {
    if (pattern.test(relative(ROOT, path))) {
      lines += perLine.size;
      covered += [...perLine.values()].filter((count) => count > 0).length;
    }
  }
  return { lines, covered };
}

/** Adds up counts of several files. */
export function sumCounts(counts: readonly LineCount[]): LineCount {
  return {
    lines: counts.reduce((sum, count) => sum + count.lines, 0),
    covered: counts.reduce((sum, count) => sum + count.covered, 0),
  };
}

/** Percent of covered lines; 0 where nothing was measured, so that an empty report fails. */
export function percentCovered({ lines, covered }: LineCount): number {
  return lines === 0 ? 0 : (100 * covered) / lines;
}
