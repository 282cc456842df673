import { test } from "vitest";
import { parseCursor } from "./live.ts";

test("a cursor is an attempt and an offset", ({ expect }) => {
  expect(parseCursor("1:0")).toEqual({ attempt: 1, offset: 0 });
  expect(parseCursor("12:268435456")).toEqual({ attempt: 12, offset: 268_435_456 });
});

test("anything else is no cursor", ({ expect }) => {
  for (const text of ["", "1", ":", "0:0", "01:0", "1:-1", "1:1.5", "1:0 ", " 1:0", "1:1e3", "1:0:0", "a:b"]) {
    expect(parseCursor(text), JSON.stringify(text)).toBeNull();
  }
});
