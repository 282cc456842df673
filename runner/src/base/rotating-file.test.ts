import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { RotatingFile } from "./rotating-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-rotate-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the runner's own log file", () => {
  test("keeps a fixed number of files of a fixed size, the newest lines in the first", ({ expect }) => {
    const path = join(folder, "runner.log");
    const file = new RotatingFile({ path, maxBytes: 100, files: 3 });
    for (let line = 1; line <= 100; line += 1) {
      file.write(`line number ${String(line).padStart(3, "0")}`);
    }
    file.close();

    expect(readdirSync(folder).toSorted()).toEqual(["runner.log", "runner.log.1", "runner.log.2"]);
    const kept = ["runner.log.2", "runner.log.1", "runner.log"].map((name) => readFileSync(join(folder, name), "utf8"));
    expect(kept.every((text) => text.length <= 100)).toBe(true);
    const numbers = kept.join("").match(/\d{3}/g) ?? [];
    expect(numbers.at(-1)).toBe("100");
    expect(numbers.map(Number)).toEqual(numbers.map((_, index) => 100 - numbers.length + 1 + index));
  });

  test("goes on with a file that is there, and begins anew with one that is full", ({ expect }) => {
    const path = join(folder, "runner.log");
    for (const text of ["first", "second", "x".repeat(40)]) {
      const file = new RotatingFile({ path, maxBytes: 30, files: 1 });
      file.write(text);
      file.close();
    }

    expect(readFileSync(path, "utf8")).toBe(`${"x".repeat(40)}\n`);
    expect(existsSync(`${path}.1`)).toBe(false);
  });
});
