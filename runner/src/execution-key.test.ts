import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { executionKey } from "./execution-key.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-key-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the key of the execution tokens", () => {
  test("is made anew at each start, for its owner only", ({ expect }) => {
    const first = executionKey(folder, false);

    expect(first).toHaveLength(32);
    expect(executionKey(folder, false)).not.toEqual(first);
    expect(statSync(join(folder, "execution.key")).mode & 0o777).toBe(0o600);
  });

  test("F1 stays while jobs of an earlier process go on", ({ expect }) => {
    const first = executionKey(folder, true);

    expect([...executionKey(folder, true)]).toEqual([...first]);
    writeFileSync(join(folder, "execution.key"), "torn");
    expect(executionKey(folder, true)).toHaveLength(32);
  });
});
