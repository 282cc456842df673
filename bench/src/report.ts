/** What a benchmark found: the shape of `bench/results/<name>.json`, and its table. */
import { mkdirSync, writeFileSync } from "node:fs";
import type { Figures } from "./samples.ts";
import type { Machine } from "./machine.ts";

export interface Case {
  readonly case: string;
  /** Unit of `p50`, `p99` and `mean`. */
  readonly unit: "ms" | "jobs/s" | "lines/s" | "deliveries/s" | "frames" | "MiB" | "%";
  readonly ours: Figures;
  readonly reference: Figures & { readonly name: string; readonly version: string };
  /** Median over the rounds of ours ÷ reference. */
  readonly ratio: number;
  /** How `ratio` has to be read, for example `<= 1.25`. */
  readonly goal: `${"<=" | ">="} ${number}`;
  readonly pass: boolean;
}

/** Counted before any ratio is looked at: a fast answer that loses or doubles work is worth nothing. */
export interface Gates {
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
}

export interface Report {
  readonly name: string;
  readonly at: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly cases: readonly Case[];
  readonly gates: Gates;
  readonly notes: readonly string[];
}

export function meetsGoal(ratio: number, goal: Case["goal"]): boolean {
  const [sign, bound] = goal.split(" ") as ["<=" | ">=", string];
  return sign === "<=" ? ratio <= Number(bound) : ratio >= Number(bound);
}

/** Whether every gate is zero and every goal is met. */
export function passes(report: Report): boolean {
  const { lost, duplicated, reordered } = report.gates;
  return lost + duplicated + reordered === 0 && report.cases.every((entry) => entry.pass);
}

export function writeReport(folder: string, report: Report): string {
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/${report.name}.json`;
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

/** A Markdown table of the report, which is also readable in a terminal. */
export function tableOf(report: Report): string {
  const rows = report.cases.map((entry) => [
    entry.case,
    `${round(entry.ours.p50)} / ${round(entry.ours.p99)} ${entry.unit}`,
    `${entry.reference.name} ${entry.reference.version}`.trim(),
    `${round(entry.reference.p50)} / ${round(entry.reference.p99)} ${entry.unit}`,
    entry.ratio.toFixed(2),
    entry.goal,
    entry.pass ? "met" : "missed",
  ]);
  const head = ["case", "ours p50 / p99", "reference", "reference p50 / p99", "ratio", "goal", "verdict"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const { lost, duplicated, reordered } = report.gates;
  return [
    `${report.name}: ${report.rounds} rounds, lost ${lost}, duplicated ${duplicated}, reordered ${reordered}`,
    line(head),
    line(widths.map((width) => "-".repeat(width))),
    ...rows.map(line),
    ...report.notes.map((note) => `- ${note}`),
  ].join("\n");
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
