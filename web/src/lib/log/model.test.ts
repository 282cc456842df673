import { test } from "vitest";
import { LogBuffer } from "./buffer.ts";
import { FOLDED, UNFOLDED, withFold } from "./folds.ts";
import { RowModel } from "./model.ts";

function filled(text: string, stream: "stdout" | "stderr" = "stdout"): LogBuffer {
  const buffer = new LogBuffer((task) => task());
  add(buffer, 0, 0, text, stream);
  return buffer;
}

function add(
  buffer: LogBuffer,
  seq: number,
  offset: number,
  text: string,
  stream: "stdout" | "stderr" = "stdout",
): void {
  buffer.append({
    header: { attempt: 1, seq, offset, stream, at: 1, sha256: "0".repeat(64) },
    payload: new TextEncoder().encode(text),
  });
}

const plain = {
  columns: null,
  stream: null,
  expanded: new Set<number>(),
  level: null,
  folds: UNFOLDED,
  reveal: null,
};

function rowTexts(model: RowModel): readonly string[] {
  return Array.from({ length: model.rowCount }, (_, index) => {
    const row = model.row(index);
    return row === undefined
      ? "missing"
      : (model.drawn(row.line).rows[row.part] ?? []).map((piece) => piece.text).join("");
  });
}

test("without wrapping every line is one row", ({ expect }) => {
  expect(rowTexts(new RowModel(filled("a\nbb\nccc\n"), plain))).toEqual(["a", "bb", "ccc"]);
});

test("wrapped rows joined give the lines again", ({ expect }) => {
  const lines = [
    "x".repeat(95),
    "",
    "\u001b[31mcoloured text that is long enough to wrap\u001b[0m",
    "wide 漢字漢字漢字漢字漢字",
    "end",
  ];
  const model = new RowModel(filled(`${lines.join("\n")}\n`), { ...plain, columns: 20 });
  const rows = rowTexts(model);
  expect(rows.slice(0, 5)).toEqual(["x".repeat(20), "x".repeat(20), "x".repeat(20), "x".repeat(20), "x".repeat(15)]);
  expect(rows.join("")).toBe(lines.join("").replaceAll("\u001b[31m", "").replaceAll("\u001b[0m", ""));
  expect(rows.filter((row) => row.startsWith("wide"))).toEqual(["wide 漢字漢字漢字漢"]);
});

test("the row of a line is its first one", ({ expect }) => {
  const model = new RowModel(filled(`${"x".repeat(50)}\nsecond\n`), { ...plain, columns: 20 });
  expect(model.rowOfLine(0)).toBe(0);
  expect(model.rowOfLine(1)).toBe(3);
  expect(model.row(3)).toMatchObject({ part: 0, line: { text: "second" } });
});

test("an unfinished line is measured anew as it grows", ({ expect }) => {
  const buffer = filled("done\n12345");
  const model = new RowModel(buffer, { ...plain, columns: 20 });
  expect(model.rowCount).toBe(2);
  add(buffer, 1, 10, "x".repeat(30));
  model.sync();
  expect(model.rowCount).toBe(3);
  add(buffer, 2, 40, "\nnext\n");
  model.sync();
  expect(rowTexts(model)).toEqual(["done", `12345${"x".repeat(15)}`, "x".repeat(15), "next"]);
});

test("a stream filter keeps that stream's lines in order", ({ expect }) => {
  const buffer = filled("out 1\n");
  add(buffer, 1, 6, "err 1\n", "stderr");
  const model = new RowModel(buffer, { ...plain, stream: "stderr" });
  add(buffer, 2, 12, "out 2\n");
  add(buffer, 3, 18, "err 2\nerr", "stderr");
  model.sync();
  expect(rowTexts(model)).toEqual(["err 1", "err 2", "err"]);
  add(buffer, 4, 27, " 3\n", "stderr");
  model.sync();
  expect(rowTexts(model)).toEqual(["err 1", "err 2", "err 3"]);
  expect(model.rowOfLine(2)).toBe(1);
});

test("B49 a line of 1 MB draws a bounded part and says how much is left", ({ expect }) => {
  const buffer = new LogBuffer((task) => task());
  for (let i = 0; i < 16; i += 1) {
    add(buffer, i, i * 62_500, "y".repeat(62_500));
  }
  add(buffer, 16, 1_000_000, "\n");
  const model = new RowModel(buffer, plain);
  const text = rowTexts(model)[0] ?? "";
  expect(text.length).toBeLessThan(10_100);
  expect(text).toContain("990,000 more characters");
});

test("an overwritten line shows everything once it is expanded", ({ expect }) => {
  const buffer = filled("10%\r20%\n");
  expect(rowTexts(new RowModel(buffer, plain))).toEqual(["20%"]);
  expect(rowTexts(new RowModel(buffer, { ...plain, expanded: new Set([1]) }))).toEqual(["10%␍20%"]);
});

test("200,000 lines are indexed and found by row", ({ expect }) => {
  const buffer = new LogBuffer((task) => task());
  let offset = 0;
  for (let part = 0; part < 200; part += 1) {
    const text = Array.from({ length: 1_000 }, (_, i) => `line ${part * 1_000 + i + 1}\n`).join("");
    add(buffer, part, offset, text);
    offset += text.length;
  }
  const model = new RowModel(buffer, { ...plain, columns: 80 });
  expect(model.rowCount).toBe(200_000);
  expect(model.row(123_455)?.line.text).toBe("line 123456");
  expect(buffer.indexOfNumber(200_000)).toBe(199_999);
});

const GROUPED = "before\n##[group]Build\none\n##[group]Inner\nERROR two\n##[endgroup]\nthree\n##[endgroup]\nafter\n";

test("a group shows its title, and without the lines that end groups all of its content", ({ expect }) => {
  const model = new RowModel(filled(GROUPED), plain);
  expect(rowTexts(model)).toEqual(["before", "Build", "one", "Inner", "ERROR two", "three", "after"]);
  expect(model.row(2)?.line.number).toBe(3);
});

test("a folded group hides what is in it, groups as well, and counts it", ({ expect }) => {
  const model = new RowModel(filled(GROUPED), { ...plain, folds: withFold(UNFOLDED, 2, true) });
  expect(rowTexts(model)).toEqual(["before", "Build", "after"]);
  const header = model.row(1)?.line;
  expect(header === undefined ? null : model.groupAt(header)).toEqual({
    isFolded: true,
    hidden: { lines: 4, errors: 1 },
  });
  const inner = new RowModel(filled(GROUPED), { ...plain, folds: withFold(UNFOLDED, 4, true) });
  expect(rowTexts(inner)).toEqual(["before", "Build", "one", "Inner", "three", "after"]);
});

test("a line that is linked to is shown, whatever is folded", ({ expect }) => {
  const model = new RowModel(filled(GROUPED), { ...plain, folds: FOLDED, reveal: 5 });
  expect(rowTexts(model)).toEqual(["before", "Build", "one", "Inner", "ERROR two", "three", "after"]);
  const outer = new RowModel(filled(GROUPED), { ...plain, folds: FOLDED, reveal: 3 });
  expect(rowTexts(outer)).toEqual(["before", "Build", "one", "Inner", "three", "after"]);
});

test("lines that arrive in a folded group stay hidden until it ends, and what is missing is shown", ({ expect }) => {
  const buffer = filled("##[group]Long\none\n");
  const model = new RowModel(buffer, { ...plain, folds: FOLDED });
  add(buffer, 1, 18, "two\nunfinished");
  model.sync();
  expect(rowTexts(model)).toEqual(["Long"]);
  buffer.append({
    header: {
      attempt: 1,
      seq: 2,
      offset: 32,
      stream: "system",
      at: 1,
      sha256: "0".repeat(64),
      gap: { bytes: 9, reason: "spool_full" },
    },
    payload: new Uint8Array(0),
  });
  add(buffer, 3, 32, " line\n##[endgroup]\nafter\n");
  model.sync();
  expect(model.rowCount).toBe(3);
  expect(model.row(1)?.line.mark).toMatchObject({ type: "gap" });
  expect(model.row(2)?.line.text).toBe("after");
  const header = model.row(0)?.line;
  expect(header === undefined ? null : model.groupAt(header)?.hidden.lines).toBe(3);
});

test("the next attempt is in no group of the one before", ({ expect }) => {
  const buffer = filled("##[group]Never ended\none\n");
  buffer.append({
    header: { attempt: 2, seq: 0, offset: 0, stream: "stdout", at: 1, sha256: "0".repeat(64) },
    payload: new TextEncoder().encode("##[endgroup]\nsecond\n"),
  });
  const model = new RowModel(buffer, { ...plain, folds: FOLDED });
  expect(Array.from({ length: model.rowCount }, (_, row) => model.row(row)?.line.text)).toEqual([
    "##[group]Never ended",
    "",
    "##[endgroup]",
    "second",
  ]);
});

test("B49 100,000 lines that begin groups cost one pass", ({ expect }) => {
  const buffer = filled("##[group]x\n".repeat(100_000));
  expect(new RowModel(buffer, { ...plain, folds: FOLDED, reveal: 90_000 }).rowCount).toBe(90_000);
});

test("a filter by level keeps stack traces with their error, and folds nothing", ({ expect }) => {
  const buffer = filled("##[group]x\nfine\nWARN careful\nError: bad\n    at main (a.js:1)\nfine again\n");
  const errors = new RowModel(buffer, { ...plain, level: "error", folds: FOLDED });
  expect(rowTexts(errors)).toEqual(["Error: bad", "    at main (a.js:1)"]);
  const warnings = new RowModel(buffer, { ...plain, level: "warning" });
  expect(rowTexts(warnings)).toEqual(["WARN careful", "Error: bad", "    at main (a.js:1)"]);
});
