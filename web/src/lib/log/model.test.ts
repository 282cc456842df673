import { test } from "vitest";
import { LogBuffer } from "./buffer.ts";
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

const plain = { columns: null, stream: null, expanded: new Set<number>() };

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
