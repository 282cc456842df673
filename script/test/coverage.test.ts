import { join } from "node:path";
import { test } from "vitest";
import { ROOT } from "../repository.ts";
import { addReport, countLines, type LineHits, percentCovered } from "./coverage.ts";

const at = (line: number) => ({ start: { line } });

test("a line that any run reached is covered, and two statements of one line count once", ({ expect }) => {
  const path = join(ROOT, "protocol/src/ids.ts");
  const statementMap = { 0: at(1), 1: at(1), 2: at(2), 3: at(3) };
  const hits: LineHits = new Map();
  addReport(hits, { [path]: { statementMap, s: { 0: 0, 1: 1, 2: 0, 3: 0 } } });
  addReport(hits, { [path]: { statementMap, s: { 0: 0, 1: 0, 2: 4, 3: 0 } } });
  expect(countLines(hits, /^protocol\/src\//u)).toEqual({ lines: 3, covered: 2 });
  expect(countLines(hits, /^runner\//u)).toEqual({ lines: 0, covered: 0 });
});

test("nothing measured counts as nothing covered", ({ expect }) => {
  expect(percentCovered({ lines: 0, covered: 0 })).toBe(0);
  expect(percentCovered({ lines: 8, covered: 6 })).toBe(75);
});
