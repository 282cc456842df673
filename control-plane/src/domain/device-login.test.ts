import { test } from "vitest";
import { judgePoll, type PolledLogin } from "./device-login.ts";

const login: PolledLogin = { state: "pending", expiresAt: 600_000, intervalMs: 5_000, polledAt: null };

test("B43 each poll that comes too early makes the interval longer, up to a minute", ({ expect }) => {
  expect(judgePoll(login, 0)).toEqual({ kind: "pending", intervalMs: 5_000 });
  let intervalMs = 5_000;
  const seen: number[] = [];
  for (let poll = 0; poll < 13; poll += 1) {
    const verdict = judgePoll({ ...login, polledAt: 1_000, intervalMs }, 2_000);
    expect(verdict.kind).toBe("slow_down");
    intervalMs = "intervalMs" in verdict ? verdict.intervalMs : 0;
    seen.push(intervalMs);
  }
  expect([seen[0], seen[1], seen.at(-1)]).toEqual([10_000, 15_000, 60_000]);
});

test("a poll in time, or a moment early, changes nothing", ({ expect }) => {
  for (const now of [5_600, 6_000, 20_000]) {
    expect(judgePoll({ ...login, polledAt: 1_000 }, now)).toEqual({ kind: "pending", intervalMs: 5_000 });
  }
});

test("B43 a decision is told at once; an end goes before a decision, and a use before everything", ({ expect }) => {
  const early = { ...login, polledAt: 1_000 };
  expect(judgePoll({ ...early, state: "approved" }, 1_001)).toEqual({ kind: "approved" });
  expect(judgePoll({ ...early, state: "denied" }, 1_001)).toEqual({ kind: "denied" });
  expect(judgePoll({ ...early, state: "approved" }, 600_000)).toEqual({ kind: "expired" });
  expect(judgePoll({ ...early, state: "used" }, 600_000)).toEqual({ kind: "used" });
});
