import { test } from "vitest";
import { absoluteTime, clockTime, relativeTime } from "./time.ts";

const now = Date.parse("2026-11-21T12:00:00Z");

test("relative times name their unit and direction", ({ expect }) => {
  const texts = [1_000, 14_000, 59_999, 60_000, 3_599_000, 3_600_000, 47 * 3_600_000, 48 * 3_600_000].map((ago) =>
    relativeTime(now - ago, now),
  );
  expect(texts).toEqual(["now", "14 s ago", "59 s ago", "1 min ago", "59 min ago", "1 h ago", "47 h ago", "2 d ago"]);
  expect(relativeTime(now + 7_200_000, now)).toBe("in 2 h");
});

test("absolute times name their zone", ({ expect }) => {
  expect(absoluteTime(now, "UTC")).toBe("2026-11-21 12:00:00 UTC");
  expect(absoluteTime(now, "America/New_York")).toBe("2026-11-21 07:00:00 America/New_York");
});

test("midnight is hour 00", ({ expect }) => {
  expect(absoluteTime(Date.parse("2026-11-21T00:00:00Z"), "UTC")).toBe("2026-11-21 00:00:00 UTC");
});

test("log times carry milliseconds", ({ expect }) => {
  expect(clockTime(now + 7, "UTC")).toBe("12:00:00.007");
});
