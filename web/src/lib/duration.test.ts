import { test } from "vitest";
import { between, durationText, formatBytes, formatDuration, parseDuration } from "./duration.ts";

test("durations carry units, at most two", ({ expect }) => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1.0 s"],
    [9_999, "9.9 s"],
    [12_345, "12 s"],
    [60_000, "1 min"],
    [61_500, "1 min 1 s"],
    [3_600_000, "1 h"],
    [5_430_000, "1 h 30 min"],
    [90_000_000, "1 d 1 h"],
    [-5, "0 ms"],
  ];
  for (const [ms, text] of cases) {
    expect(formatDuration(ms)).toBe(text);
  }
  expect(formatDuration(Number.NaN)).toBe("–");
});

test("a duration is null unless both ends are known, and never negative", ({ expect }) => {
  expect(between("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z")).toBe(2_000);
  expect(between("2026-01-01T00:00:02Z", "2026-01-01T00:00:00Z")).toBe(0);
  expect(between(null, "2026-01-01T00:00:00Z")).toBeNull();
});

test("typed durations are read with or without unit", ({ expect }) => {
  expect(["90", "90s", "5 min", "1h", "1h 30m", "1.5 h", "250 ms"].map(parseDuration)).toEqual([
    90_000, 90_000, 300_000, 3_600_000, 5_400_000, 5_400_000, 250,
  ]);
  expect(["", "soon", "5 parsecs", "-1 s", "1 h x"].map(parseDuration)).toEqual([null, null, null, null, null]);
});

test("a written duration reads back as the same value", ({ expect }) => {
  for (const ms of [1_000, 1_500, 60_000, 90_000, 3_600_000, 86_400_000]) {
    expect(parseDuration(durationText(ms))).toBe(ms);
  }
});

test("sizes carry units", ({ expect }) => {
  expect([0, 999, 1_000, 5_300, 120_000, 4_200_000, 7e9].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 KB",
    "5.3 KB",
    "120 KB",
    "4.2 MB",
    "7.0 GB",
  ]);
});
