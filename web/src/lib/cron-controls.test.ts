import { describe, test } from "vitest";
import { controlsFor, controlsOf, patternOf } from "./cron-controls.ts";

const both = [
  ["* * * * *", { repeats: "minutes", every: 1 }],
  ["*/15 * * * *", { repeats: "minutes", every: 15 }],
  ["5 * * * *", { repeats: "hourly", minute: 5 }],
  ["30 2 * * *", { repeats: "daily", time: "02:30" }],
  ["0 9 * * 1-5", { repeats: "weekly", days: [1, 2, 3, 4, 5], time: "09:00" }],
  ["0 9 * * 0,3", { repeats: "weekly", days: [0, 3], time: "09:00" }],
  ["0 0 31 * *", { repeats: "monthly", day: 31, time: "00:00" }],
  ["59 23 L * *", { repeats: "monthly", day: "L", time: "23:59" }],
] as const;

describe("the controls of a pattern", () => {
  test.for(both)("%s says what they say", ([pattern, controls], { expect }) => {
    expect(controlsOf(pattern)).toEqual(controls);
    expect(patternOf(controls)).toBe(pattern);
  });

  test.for([
    "0 0 31 2 *",
    "*/7 * * * *",
    "*/15 9-17 * * *",
    "0 9 1 * 1",
    "0 9 * * FRI#2",
    "0 9 * * 5-1",
    "60 9 * * *",
    "0 24 * * *",
    "0 9 0 * *",
    "0 0 9 * * *",
    "@daily",
    "",
  ])("cannot say %s, and leave it as it is", (pattern, { expect }) => {
    expect(controlsOf(pattern)).toBeNull();
  });

  test("keep the time when another kind is chosen", ({ expect }) => {
    expect(controlsFor("monthly", { repeats: "daily", time: "04:05" })).toEqual({
      repeats: "monthly",
      day: 1,
      time: "04:05",
    });
    expect(controlsFor("minutes", null)).toEqual({ repeats: "minutes", every: 15 });
  });
});
