import { formatMs } from "../progress.ts";
import { COVERAGE_FLOOR, type LineCount, percentCovered } from "./coverage.ts";
import type { Outcome, PartResult } from "./outcome.ts";

export interface MeasuredPart {
  readonly part: string;
  readonly count: LineCount;
}

/** Failures for the parts below the coverage floor. */
export function coverageFailures(measured: readonly MeasuredPart[]): Outcome[] {
  return measured
    .filter(({ count }) => percentCovered(count) < COVERAGE_FLOOR)
    .map(({ part, count }) => ({
      part: "coverage",
      name: part,
      state: "failed",
      detail: `${percentCovered(count).toFixed(1)} % of lines are covered; the floor is ${COVERAGE_FLOOR} %`,
    }));
}

function count(outcomes: readonly Outcome[], state: Outcome["state"]): number {
  return outcomes.filter((outcome) => outcome.state === state).length;
}

function table(results: readonly PartResult[]): string[] {
  const rows = results.map(({ part, ms, outcomes }) => [
    part,
    String(count(outcomes, "passed")),
    String(count(outcomes, "failed")),
    String(count(outcomes, "skipped")),
    formatMs(ms),
  ]);
  const head = ["suite", "passed", "failed", "skipped", "time"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
}

/** The end of a run: failures, skips, coverage, table, and the one line that counts everything. */
export function summarize(
  results: readonly PartResult[],
  measured: readonly MeasuredPart[],
): { text: string; failed: number } {
  const outcomes = results.flatMap((result) => result.outcomes);
  const lines: string[] = [""];
  for (const outcome of outcomes.filter(({ state }) => state === "failed")) {
    lines.push(`FAILED ${outcome.part}: ${outcome.name}`);
    lines.push(...(outcome.detail ?? "").split("\n").map((line) => `    ${line}`), "");
  }
  for (const outcome of outcomes.filter(({ state }) => state === "skipped")) {
    lines.push(`skipped ${outcome.part}: ${outcome.name}: ${outcome.detail ?? "no reason given"}`);
  }
  if (measured.length > 0) {
    lines.push("", `Line coverage (floor ${COVERAGE_FLOOR} %)`);
    for (const { part, count: lineCount } of measured) {
      const percent = percentCovered(lineCount).toFixed(1).padStart(5);
      lines.push(`  ${part.padEnd(16)} ${percent} %  ${lineCount.covered}/${lineCount.lines}`);
    }
    lines.push("  sdk-bash         not measured: bash reports no lines");
  }
  lines.push("", ...table(results), "");
  const failed = count(outcomes, "failed");
  const skipped = count(outcomes, "skipped");
  const tail = skipped > 0 ? `, ${skipped} skipped` : "";
  lines.push(`${count(outcomes, "passed")} passed, ${failed} failed${tail}`);
  return { text: `${lines.join("\n")}\n`, failed };
}
