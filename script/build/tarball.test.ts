import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { runCommand } from "../command.ts";
import { packTarball } from "./tarball.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-tarball-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const FILES = [
  { path: "package/package.json", content: Buffer.from('{"name":"a"}') },
  { path: "package/bin/run.js", content: Buffer.from("#!/usr/bin/env node\n"), executable: true },
  { path: "package/empty", content: Buffer.alloc(0) },
  { path: "package/two-blocks", content: Buffer.alloc(1024, 7) },
];

test("tar unpacks the files as they were packed", async ({ expect }) => {
  writeFileSync(join(folder, "a.tgz"), packTarball(FILES));
  const unpacked = await runCommand("tar", ["-xzf", "a.tgz"], { cwd: folder });
  expect(unpacked).toMatchObject({ code: 0, output: "" });
  for (const { path, content, executable } of FILES) {
    expect(readFileSync(join(folder, path)).equals(content), path).toBe(true);
    expect((statSync(join(folder, path)).mode & 0o100) !== 0, path).toBe(executable === true);
  }
});

test("the same files give the same bytes, in whatever order they come", ({ expect }) => {
  expect(packTarball(FILES.toReversed()).equals(packTarball(FILES))).toBe(true);
});

test("a path that the header cannot hold is refused", ({ expect }) => {
  const long = [{ path: `package/${"x".repeat(100)}`, content: Buffer.alloc(0) }];
  expect(() => packTarball(long)).toThrow("longer than the 100 bytes");
});
