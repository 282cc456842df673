import { test } from "vitest";
import { MAX_SCROLL_HEIGHT, scrollHeight, scrollTo, scrolled } from "./scroll.ts";

const viewport = 900;
const tall = 18_000_000;

test("a log that fits is scrolled one to one", ({ expect }) => {
  expect(scrolled({ scrollTop: 0, virtualTop: 0 }, 1_234, viewport, 50_000)).toEqual({
    scrollTop: 1_234,
    virtualTop: 1_234,
  });
  expect(scrollTo(1_234, viewport, 50_000)).toEqual({ scrollTop: 1_234, virtualTop: 1_234 });
});

test("the scroll range stays below what browsers can lay out", ({ expect }) => {
  expect(scrollHeight(tall)).toBe(MAX_SCROLL_HEIGHT);
  expect(MAX_SCROLL_HEIGHT).toBeLessThan(17_895_697);
});

test("in a taller log the wheel still moves by the pixels it says", ({ expect }) => {
  const start = scrollTo(9_000_000, viewport, tall);
  const next = scrolled(start, start.scrollTop + 54, viewport, tall);
  expect(next.virtualTop - start.virtualTop).toBeCloseTo(54);
});

test("a jump by the scroll bar lands at the same share of the log", ({ expect }) => {
  const next = scrolled({ scrollTop: 0, virtualTop: 0 }, (MAX_SCROLL_HEIGHT - viewport) / 2, viewport, tall);
  expect(next.virtualTop).toBeCloseTo((tall - viewport) / 2);
});

test("both ends can be reached exactly", ({ expect }) => {
  const end = scrollTo(Number.MAX_SAFE_INTEGER, viewport, tall);
  expect(end.virtualTop).toBe(tall - viewport);
  const below = scrolled(scrollTo(tall - 5_000, viewport, tall), MAX_SCROLL_HEIGHT - viewport, viewport, tall);
  expect(below.virtualTop).toBe(tall - viewport);
  expect(scrolled(end, 0, viewport, tall).virtualTop).toBe(0);
});
