import { test } from "vitest";
import type { Refusal } from "./dispatcher.ts";
import { HeldTriggers } from "./held-triggers.ts";

const tooFast: Refusal = {
  ok: false,
  code: "quota_exceeded",
  message: "used up",
  usedUp: { name: "triggers", limit: 60, windowSeconds: 60, resetSeconds: 1 },
};

test("T28 a workspace that triggers too fast is held for a moment, and no other one", ({ expect }) => {
  let now = 0;
  const held = new HeldTriggers({ now: () => now });
  expect(held.of("ws_a")).toBeNull();
  held.note("ws_a", tooFast);
  now = 249;
  expect(held.of("ws_a")).toBe(tooFast);
  expect(held.of("ws_b")).toBeNull();
  now = 250;
  expect(held.of("ws_a")).toBeNull();
  held.note("ws_a", tooFast);
  held.release("ws_a");
  expect(held.of("ws_a")).toBeNull();
});

test("other refusals are not remembered: they may be over at once", ({ expect }) => {
  const held = new HeldTriggers({ now: () => 0 });
  held.note("ws_a", { ...tooFast, usedUp: { name: "queued-runs", limit: 1, windowSeconds: null, resetSeconds: 10 } });
  held.note("ws_a", { ok: false, code: "not_found", message: "gone" });
  expect(held.of("ws_a")).toBeNull();
});
