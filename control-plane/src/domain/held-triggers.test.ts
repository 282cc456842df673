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

test("L6 the first refusals of a moment are told at once, the next ones when it is over, and no more wait than may", async ({
  expect,
}) => {
  let now = 1_000;
  const held = new HeldTriggers({ now: () => now });
  const sleeps: number[] = [];
  const wakes: (() => void)[] = [];
  const sleep = (ms: number): Promise<void> => {
    sleeps.push(ms);
    return new Promise((resolve) => wakes.push(resolve));
  };
  await held.leisure("ws_a", sleep);
  held.note("ws_a", tooFast);
  for (let i = 0; i < 16; i += 1) {
    await held.leisure("ws_a", sleep);
  }
  expect(sleeps).toEqual([]);
  now += 100;
  const slow = Array.from({ length: 512 }, () => held.leisure("ws_a", sleep));
  expect([Math.min(...sleeps), Math.max(...sleeps)]).toEqual([150, 399]);
  expect(new Set(sleeps).size).toBe(250);
  expect(sleeps.length).toBe(512);
  await held.leisure("ws_a", sleep);
  expect(sleeps.length).toBe(512);
  for (const wake of wakes.splice(0)) {
    wake();
  }
  await Promise.all(slow);
  void held.leisure("ws_a", sleep);
  expect(sleeps.length).toBe(513);
  // Over, and another workspace: nobody waits.
  now += 150;
  await held.leisure("ws_a", sleep);
  await held.leisure("ws_b", sleep);
  expect(sleeps.length).toBe(513);
  // A flood that goes on has had its first ones; a later burst has its own.
  held.note("ws_a", tooFast);
  void held.leisure("ws_a", sleep);
  expect(sleeps.length).toBe(514);
  now += 1_250;
  held.note("ws_a", tooFast);
  await held.leisure("ws_a", sleep);
  expect(sleeps.length).toBe(514);
});
