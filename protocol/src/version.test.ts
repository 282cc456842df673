import { test } from "vitest";
import { negotiate, oldestAccepted, PROTOCOL_VERSION } from "./version.ts";

test("equal versions talk their own version", ({ expect }) => {
  expect(negotiate(PROTOCOL_VERSION)).toEqual({ ok: true, version: PROTOCOL_VERSION });
});

test("neighbours talk the older version, whichever side is behind", ({ expect }) => {
  expect(negotiate(4, 5)).toEqual({ ok: true, version: 4 });
  expect(negotiate(5, 4)).toEqual({ ok: true, version: 4 });
});

test("two versions apart are refused, with both versions and who has to upgrade", ({ expect }) => {
  const behind = negotiate(3, 5);
  expect(behind).toEqual({
    ok: false,
    message: "The runner speaks protocol 3, the control plane 5 (accepting 4 to 5). Upgrade the runner.",
  });
  const ahead = negotiate(5, 3);
  expect(ahead.ok ? "" : ahead.message).toMatch(/protocol 5, the control plane 3 .*Upgrade the control plane\./);
});

test("a version below 1 is never accepted", ({ expect }) => {
  expect(oldestAccepted(1)).toBe(1);
  expect(negotiate(0, 1).ok).toBe(false);
  expect(negotiate(-1, 1).ok).toBe(false);
});
