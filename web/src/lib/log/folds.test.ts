import { test } from "vitest";
import { FOLDED, foldsText, isFolded, parseFolds, UNFOLDED, withFold } from "./folds.ts";

test("folds survive the address bar", ({ expect }) => {
  for (const text of ["L12", "L12.L80", "all", "all.L12.L80"]) {
    expect(foldsText(parseFolds(text))).toBe(text);
  }
  expect(foldsText(UNFOLDED)).toBeUndefined();
});

test("anything else in the address bar folds nothing", ({ expect }) => {
  for (const text of ["", "12", "L0", "L-1", "all.", "L12,L80", "L1e9", "L12.all", "<b>", `L${"9".repeat(12)}`]) {
    expect(parseFolds(text), text).toEqual(UNFOLDED);
  }
  expect(parseFolds(`L1${".L2".repeat(100_000)}`).others.size).toBeLessThanOrEqual(200);
});

test("one group is folded and unfolded, also where all others are folded", ({ expect }) => {
  const one = withFold(UNFOLDED, 7, true);
  expect([isFolded(one, 7), isFolded(one, 8)]).toEqual([true, false]);
  expect(withFold(one, 7, false)).toEqual(UNFOLDED);
  const rest = withFold(FOLDED, 7, false);
  expect([isFolded(rest, 7), isFolded(rest, 8)]).toEqual([false, true]);
  expect(withFold(rest, 7, true)).toEqual(FOLDED);
});
