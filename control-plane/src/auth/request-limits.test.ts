import { AppError } from "@cronium/protocol/errors";
import { test } from "vitest";
import { RequestLimits, type RequestRates } from "./request-limits.ts";

const rates: RequestRates = { address: 60, failures: 6, user: 60, key: 60, workspace: 0 };

function refusal(act: () => unknown): AppError["context"] | null {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof AppError ? { ...error.context, code: error.code } : { code: String(error) };
  }
}

test("a caller has a minute's requests at once, and then one for each that a minute holds", ({ expect }) => {
  let now = 0;
  const limits = new RequestLimits({ now: () => now }, rates);
  expect(limits.take("key", "a")).toEqual({ name: "key", limit: 60, remaining: 59, resetSeconds: 1 });
  for (let i = 1; i < 60; i += 1) {
    limits.take("key", "a");
  }
  expect(refusal(() => limits.take("key", "a"))).toEqual({
    code: "rate_limited",
    quota: "key",
    quotaLimit: 60,
    quotaWindowSeconds: 60,
    retryAfterSeconds: 1,
  });
  now = 1_000;
  expect(limits.take("key", "a")).toEqual({ name: "key", limit: 60, remaining: 0, resetSeconds: 60 });
  expect(refusal(() => limits.take("key", "a"))).not.toBeNull();
  now = 61_000;
  expect(limits.take("key", "a")?.remaining).toBe(59);
});

test("callers, and what is counted of them, do not count against one another", ({ expect }) => {
  const limits = new RequestLimits({ now: () => 0 }, rates);
  for (let i = 0; i < 100; i += 1) {
    limits.note("address", "192.0.2.1");
  }
  expect(refusal(() => limits.take("address", "192.0.2.1"))).not.toBeNull();
  expect(refusal(() => limits.take("address", "192.0.2.2"))).toBeNull();
  expect(refusal(() => limits.take("failures", "192.0.2.1"))).toBeNull();
  expect(refusal(() => limits.check("user", "192.0.2.1"))).toBeNull();
});

test("asking whether something is left takes nothing of it, and noting refuses nothing", ({ expect }) => {
  const limits = new RequestLimits({ now: () => 0 }, rates);
  for (let i = 0; i < 50; i += 1) {
    limits.check("failures", "a");
  }
  for (let i = 0; i < 6; i += 1) {
    limits.note("failures", "a");
  }
  expect(refusal(() => limits.check("failures", "a"))?.["retryAfterSeconds"]).toBe(10);
  expect(refusal(() => limits.note("failures", "a"))).toBeNull();
});

test("without a limit nothing is counted", ({ expect }) => {
  const limits = new RequestLimits({ now: () => 0 }, rates);
  for (let i = 0; i < 1_000; i += 1) {
    expect(limits.take("workspace", "w")).toBeNull();
  }
});

test("a flood of callers pushes out whom it costs nothing to forget, before those who are held off", ({ expect }) => {
  let now = 0;
  const limits = new RequestLimits({ now: () => now }, rates);
  for (let i = 0; i < 19_999; i += 1) {
    limits.take("address", `early ${i}`);
  }
  now = 30_000;
  for (let i = 0; i < 60; i += 1) {
    limits.take("address", "held off");
  }
  for (let i = 0; i < 15_000; i += 1) {
    limits.take("address", `late ${i}`);
  }
  expect(refusal(() => limits.take("address", "held off"))).not.toBeNull();
});
