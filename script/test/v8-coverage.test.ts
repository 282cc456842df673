import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { runCommand } from "../command.ts";
import type { LineHits } from "./coverage.ts";
import { addV8Report, type V8Report } from "./v8-coverage.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-v8-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const SOURCE = `interface Shape { readonly side: number }
export function area(shape: Shape): number {
  if (shape.side < 0) {
    throw new Error("negative" as string);
  }
  return shape.side ** 2;
}
export function never(): void {
  console.log("never");
}
area({ side: 2 } satisfies Shape);
`;

test("the lines that a real process reached are told from those it did not", async ({ expect }) => {
  const file = join(folder, "area.ts");
  writeFileSync(file, SOURCE);
  const env = { ...process.env, NODE_V8_COVERAGE: join(folder, "reports") };
  expect(await runCommand(process.execPath, [file], { env })).toMatchObject({ code: 0 });
  const [name = ""] = readdirSync(join(folder, "reports"));
  const report = JSON.parse(readFileSync(join(folder, "reports", name), "utf8")) as V8Report;
  const hits: LineHits = new Map([[file, new Map([3, 4, 6, 9, 11].map((line) => [line, 0]))]]);
  addV8Report(hits, report, () => SOURCE);
  const reached = [...(hits.get(file) ?? [])].filter(([, count]) => count > 0).map(([line]) => line);
  expect(reached).toEqual([3, 6, 11]);
});

test("files that are not held to the floor are left out", ({ expect }) => {
  const hits: LineHits = new Map();
  const ranges = [{ startOffset: 0, endOffset: 9, count: 1 }];
  addV8Report(hits, { result: [{ url: "file:///elsewhere.js", functions: [{ ranges }] }] }, () => "");
  expect(hits.size).toBe(0);
});
