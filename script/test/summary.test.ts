import { test } from "vitest";
import { failure, requireTests } from "./outcome.ts";
import { coverageFailures, summarize } from "./summary.ts";

const passed = { part: "unit", name: "adds", state: "passed" } as const;
const skipped = { part: "unit", name: "waits", state: "skipped", detail: "no Docker here" } as const;

function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1);
}

test("the last line counts passed and failed tests, and skipped ones only where there are any", ({ expect }) => {
  const all = summarize([{ part: "unit", ms: 5, outcomes: [passed, passed] }], []);
  expect([lastLine(all.text), all.failed]).toEqual(["2 passed, 0 failed", 0]);
  const some = summarize([{ part: "unit", ms: 5, outcomes: [passed, failure("unit", "breaks", "why"), skipped] }], []);
  expect([lastLine(some.text), some.failed]).toEqual(["1 passed, 1 failed, 1 skipped", 1]);
  expect(some.text).toContain("FAILED unit: breaks\n    why\n");
  expect(some.text).toContain("skipped unit: waits: no Docker here\n");
});

test("a suite that brought no test is a failure", ({ expect }) => {
  const { text, failed } = summarize([requireTests({ part: "e2e", ms: 0, outcomes: [] })], []);
  expect(failed).toBe(1);
  expect(text).toContain("FAILED e2e: the suite did not run");
});

test("a part below the floor of coverage is a failure, also one that was not measured", ({ expect }) => {
  const failures = coverageFailures([
    { part: "runner", count: { lines: 100, covered: 79 } },
    { part: "protocol", count: { lines: 100, covered: 80 } },
    { part: "sdk-node", count: { lines: 0, covered: 0 } },
  ]);
  expect(failures.map(({ name }) => name)).toEqual(["runner", "sdk-node"]);
});
