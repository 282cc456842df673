import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { runCommand } from "../command.ts";
import { ROOT } from "../repository.ts";
import { dumpSchema, MIGRATION_LIST, MIGRATIONS, migrationNames, SCHEMA_DUMP } from "./migration-files.ts";

test("the schema dump is what the migrations lead to", ({ expect }) => {
  expect(readFileSync(SCHEMA_DUMP, "utf8")).toBe(dumpSchema(migrationNames()));
});

test("the Worker imports every migration, in order", ({ expect }) => {
  const list = readFileSync(MIGRATION_LIST, "utf8");
  const names = [...list.matchAll(/name: "([^"]+)"/g)].map((match) => match[1]);
  expect(names).toEqual(migrationNames());
});

test("every migration says whether the previous version still runs on it", ({ expect }) => {
  for (const name of migrationNames()) {
    expect(readFileSync(join(MIGRATIONS, name), "utf8"), name).toMatch(/^-- (?:Compatible|Breaking): \S/);
  }
});

test("the migrations lead to the schema in the code", { timeout: 60_000 }, async ({ expect }) => {
  const out = mkdtempSync(join(tmpdir(), "cronium-migrations-"));
  try {
    cpSync(MIGRATIONS, out, { recursive: true });
    const schema = "control-plane/src/store/schema/*.ts";
    const args = ["generate", "--dialect", "sqlite", "--schema", schema, "--out", out];
    const result = await runCommand(join(ROOT, "node_modules/.bin/drizzle-kit"), args, { cwd: ROOT });
    expect(result.code, result.output).toBe(0);
    expect(readdirSync(out)).toEqual(readdirSync(MIGRATIONS));
  } finally {
    rmSync(out, { recursive: true });
  }
});
