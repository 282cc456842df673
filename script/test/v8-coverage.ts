/**
 * Lines that programs started by tests reached: the runner, the sidecar, the launcher.
 *
 * Node writes V8's own coverage of a process to a folder when it ends (NODE_V8_COVERAGE), as ranges of characters.
 * Node strips types by replacing them with spaces, so the ranges fit the TypeScript source as it stands. Which lines
 * count at all is taken from Istanbul's reports, which list every file of the covered parts. A process that was
 * killed writes nothing.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../repository.ts";
import type { LineHits } from "./coverage.ts";

/** Where the children of tests leave their reports. */
export const CHILD_COVERAGE = join(ROOT, ".cache", "coverage", "children");

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

export interface V8Report {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

/** Removes what an earlier run left. */
export function clearChildReports(): void {
  rmSync(CHILD_COVERAGE, { recursive: true, force: true });
}

/** How often the character at an offset was reached: the smallest range around it says. */
function countAt(ranges: readonly Range[], offset: number): number {
  let best: Range | undefined;
  for (const range of ranges) {
    const inside = range.startOffset <= offset && offset < range.endOffset;
    if (inside && (best === undefined || range.endOffset - range.startOffset <= best.endOffset - best.startOffset)) {
      best = range;
    }
  }
  return best?.count ?? 0;
}

/** Offset of the first character of each line that is no space, from line 1 at index 1. */
function lineStarts(source: string): number[] {
  const starts = [0];
  let offset = 0;
  for (const line of source.split("\n")) {
    starts.push(offset + (line.length - line.trimStart().length));
    offset += line.length + 1;
  }
  return starts;
}

/** Adds one process's report to the hits of the files that are already in them. */
export function addV8Report(hits: LineHits, report: V8Report, read: (path: string) => string): void {
  for (const { url, functions } of report.result) {
    const path = url.startsWith("file://") ? fileURLToPath(url) : "";
    const lines = hits.get(path);
    if (lines === undefined) {
      continue;
    }
    const ranges = functions.flatMap((entry) => entry.ranges);
    const starts = lineStarts(read(path));
    for (const [line, count] of lines) {
      lines.set(line, count + countAt(ranges, starts[line] ?? 0));
    }
  }
}

/** Adds the reports of all children. */
export function addChildReports(hits: LineHits): void {
  if (!existsSync(CHILD_COVERAGE)) {
    return;
  }
  for (const name of readdirSync(CHILD_COVERAGE).filter((entry) => entry.endsWith(".json"))) {
    const text = readFileSync(join(CHILD_COVERAGE, name), "utf8");
    // A process that is killed while it writes leaves half a report.
    if (text.endsWith("}")) {
      addV8Report(hits, JSON.parse(text) as V8Report, (path) => readFileSync(path, "utf8"));
    }
  }
}
