import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { LayerUses } from "./layer-uses.ts";

let folder: string;
let now: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-uses-"));
  now = 1_700_000_000_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("F1 the next process knows when each layer was last used", ({ expect }) => {
  const first = new LayerUses(join(folder, "layers"), () => now);
  first.note("a");
  now += 1_000;
  first.note("b");
  now += 1_000;
  first.note("a");

  const second = new LayerUses(join(folder, "layers"), () => now);
  expect([second.lastOf("a"), second.lastOf("b"), second.lastOf("c")]).toEqual([
    1_700_000_002_000, 1_700_000_001_000, 0,
  ]);
});

test("a layer that is gone leaves nothing behind", ({ expect }) => {
  const uses = new LayerUses(folder, () => now);
  uses.note("a");
  uses.forget("a");
  uses.forget("never there");
  expect(readdirSync(folder)).toEqual([]);
});
