import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { hashInputs } from "./input-hash.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cronium-hash-"));
  mkdirSync(join(root, "src/deep"), { recursive: true });
  writeFileSync(join(root, "src/a.ts"), "a");
  writeFileSync(join(root, "src/deep/b.ts"), "b");
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const hash = () => hashInputs(root, ["src"]);

test("content, names and presence of files decide, times do not", ({ expect }) => {
  const before = hash();
  utimesSync(join(root, "src/a.ts"), 1, 1);
  expect(hash()).toBe(before);
  renameSync(join(root, "src/a.ts"), join(root, "src/c.ts"));
  const renamed = hash();
  expect(renamed).not.toBe(before);
  writeFileSync(join(root, "src/c.ts"), "other");
  expect(hash()).not.toBe(renamed);
});

test("tests, built files and installed packages do not count", ({ expect }) => {
  const before = hash();
  for (const folder of ["src/dist", "src/node_modules", "src/test"]) {
    mkdirSync(join(root, folder));
    writeFileSync(join(root, folder, "x.ts"), "x");
  }
  writeFileSync(join(root, "src/a.test.ts"), "x");
  expect(hash()).toBe(before);
});

test("moving bytes from one file to the next is a change", ({ expect }) => {
  writeFileSync(join(root, "src/a.ts"), "ab");
  writeFileSync(join(root, "src/deep/b.ts"), "");
  const joined = hash();
  writeFileSync(join(root, "src/a.ts"), "a");
  writeFileSync(join(root, "src/deep/b.ts"), "b");
  expect(hash()).not.toBe(joined);
});

test("a path that does not exist yet counts once it does", ({ expect }) => {
  const before = hashInputs(root, ["src", "later"]);
  writeFileSync(join(root, "later"), "x");
  expect(hashInputs(root, ["src", "later"])).not.toBe(before);
});
