import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { loadImageTable } from "./images.ts";

async function load(text: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-table-"));
  const file = join(folder, "images.json");
  writeFileSync(file, text);
  try {
    return await loadImageTable({ tables: [file], buildScript: null });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a table names an image for each runtime that it serves", async ({ expect }) => {
  const table = { bash: "cronium/bash:1", python: `registry.example.org/py@sha256:${"a".repeat(64)}` };
  expect(await load(JSON.stringify(table))).toEqual(table);
});

test.for([
  [{ bash: "-v /:/x" }, /at bash: must be an image/],
  [{ bash: "img;rm" }, /at bash: must be an image/],
  [{ node: "img@sha256:12" }, /at node: must be an image/],
  [{ python: "" }, /at python: must be an image/],
  [{ python: 1 }, /at python/],
  [{ perl: "perl:5" }, /is broken/],
  [[], /is broken/],
] as const)("B19 the table %j is refused, and says where it is wrong", async ([table, problem], { expect }) => {
  await expect(load(JSON.stringify(table))).rejects.toThrow(problem);
});

test("B19 a table that is no JSON is refused with its file", async ({ expect }) => {
  await expect(load("{")).rejects.toThrow(/images\.json is no JSON/);
});
