import { test } from "vitest";
import { formatMs } from "./progress.ts";

test("a duration is written as people read it", ({ expect }) => {
  expect(formatMs(87.4)).toBe("87 ms");
  expect(formatMs(3_440)).toBe("3.4 s");
  expect(formatMs(125_000)).toBe("2 min 5 s");
});
