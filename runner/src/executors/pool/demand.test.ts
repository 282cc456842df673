import { describe, test } from "vitest";
import { Demand, FORGET_AFTER_MS, shareOut } from "./demand.ts";

function asked(...times: readonly number[]): Demand {
  const demand = new Demand();
  for (const time of times) {
    demand.note(time);
  }
  return demand;
}

describe("what a profile wants", () => {
  test.for([
    ["is one after one run", [0], 0, 1],
    ["is what was asked for at once", [0, 1, 2, 3, 4], 10, 5],
    ["is the busiest two seconds, not the sum", [0, 500, 3_000, 3_500, 3_900, 9_000], 9_000, 3],
    ["is remembered for five minutes", [0, 0, 0], 299_999, 3],
    ["and then falls back to one", [0, 0, 0], 300_000, 1],
    ["is one until the hour is over", [0], FORGET_AFTER_MS - 1, 1],
    ["and nothing after it", [0], FORGET_AFTER_MS, 0],
  ] as const)("%s", ([, times, now, wanted], { expect }) => {
    expect(asked(...times).wanted(now)).toBe(wanted);
  });

  test("is nothing before it was used", ({ expect }) => {
    expect(new Demand().wanted(0)).toBe(0);
  });
});

describe("what profiles get", () => {
  const wants = (...list: readonly (readonly [string, number, number])[]) =>
    list.map(([key, wanted, lastAt]) => ({ key, wanted, lastAt }));

  test.for([
    ["all they want where there is room", wants(["a", 2, 1], ["b", 3, 2]), 10, { a: 2, b: 3 }],
    ["one each first, and the one used last gets the rest", wants(["a", 5, 1], ["b", 5, 2]), 4, { b: 3, a: 1 }],
    [
      "only those used last where there is not even one each",
      wants(["a", 1, 1], ["b", 1, 2], ["c", 1, 3]),
      2,
      { c: 1, b: 1, a: 0 },
    ],
    ["nothing where the pool is off", wants(["a", 5, 1]), 0, { a: 0 }],
    ["nothing where they want nothing", wants(["a", 0, 1]), 4, { a: 0 }],
  ] as const)("is %s", ([, list, max, shares], { expect }) => {
    expect(Object.fromEntries(shareOut(list, max))).toEqual(shares);
  });
});
