import { test } from "vitest";
import { parseTap } from "./bats-suite.ts";

test("passed, failed and skipped tests are told apart, with their reasons", ({ expect }) => {
  const tap = [
    "1..4",
    "ok 1 output keeps quotes",
    "not ok 2 input is JSON",
    "# (in test file sdk.bats, line 12)",
    "#   `[ 1 = 2 ]' failed",
    "ok 3 context needs a socket # skip no socket here",
    "ok 4 the last one",
  ].join("\n");
  expect(parseTap(tap).map(({ name, state, detail }) => [name, state, detail])).toEqual([
    ["output keeps quotes", "passed", undefined],
    ["input is JSON", "failed", "(in test file sdk.bats, line 12)\n`[ 1 = 2 ]' failed"],
    ["context needs a socket", "skipped", "no socket here"],
    ["the last one", "passed", undefined],
  ]);
});

test("a run that ends before its plan is a failure", ({ expect }) => {
  const outcomes = parseTap("1..3\nok 1 first\n");
  expect(outcomes.at(-1)).toMatchObject({ state: "failed", detail: "3 tests were planned, 1 ran" });
});
