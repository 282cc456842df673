import { test } from "vitest";
import { backoffMs, decideRetry } from "./retry.ts";
import type { RunRecord } from "./run.ts";

const run = (change: Partial<RunRecord> = {}): RunRecord =>
  ({
    cancelRequestedAt: null,
    infraFailures: 0,
    scriptFailures: 0,
    scriptRetries: 2,
    starts: 1,
    maxAttempts: 5,
    ...change,
  }) as RunRecord;

test("the wait has full jitter and grows from 5 s to 5 min", ({ expect }) => {
  expect([1, 2, 3, 4].map((nth) => backoffMs(nth, 0.999_999_9))).toEqual([4_999, 39_999, 299_999, 299_999]);
  expect(backoffMs(3, 0)).toBe(0);
});

test("each kind of failure has its own budget, and policy has none", ({ expect }) => {
  expect(decideRetry(run(), "exit_code", 0)).toMatchObject({ retry: true, budget: "script" });
  expect(decideRetry(run(), "daemon", 0)).toMatchObject({ retry: true, budget: "infra" });
  expect(decideRetry(run({ scriptFailures: 2 }), "exit_code", 0)).toEqual({ retry: false, exhausted: false });
  expect(decideRetry(run({ infraFailures: 3 }), "daemon", 0)).toEqual({ retry: false, exhausted: true });
  expect(decideRetry(run(), "policy_denied", 0)).toEqual({ retry: false, exhausted: false });
});

test("maxAttempts caps starts over both budgets", ({ expect }) => {
  expect(decideRetry(run({ starts: 5 }), "exit_code", 0).retry).toBe(false);
  expect(decideRetry(run({ starts: 5 }), "runner_lost", 0)).toEqual({ retry: false, exhausted: false });
});

test("a run that was asked to stop is not tried again", ({ expect }) => {
  expect(decideRetry(run({ cancelRequestedAt: 1 }), "daemon", 0).retry).toBe(false);
});
