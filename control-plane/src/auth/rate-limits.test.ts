import { AppError } from "@cronium/protocol/errors";
import { test } from "vitest";
import { RateLimits } from "./rate-limits.ts";

const limit = { max: 3, windowMs: 10_000 };

function refusal(act: () => void): AppError | null {
  try {
    act();
    return null;
  } catch (error) {
    return error as AppError;
  }
}

test("attempts beyond the limit wait for the end of the window", ({ expect }) => {
  let now = 0;
  const limits = new RateLimits({ now: () => now });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    limits.take("ann", limit);
  }
  now = 2_500;
  const refused = refusal(() => limits.take("ann", limit));
  expect(refused).toBeInstanceOf(AppError);
  expect([refused?.code, refused?.context]).toEqual([
    "rate_limited",
    { quota: "attempts", quotaLimit: 3, quotaWindowSeconds: 10, retryAfterSeconds: 8 },
  ]);
  now = 10_000;
  expect(refusal(() => limits.take("ann", limit))).toBeNull();
});

test("one caller's attempts do not count against another", ({ expect }) => {
  const limits = new RateLimits({ now: () => 0 });
  for (let attempt = 0; attempt < 4; attempt += 1) {
    refusal(() => limits.take("ann", limit));
  }
  expect(refusal(() => limits.take("ben", limit))).toBeNull();
});

test("a flood of callers neither grows its memory without a bound nor frees those of another kind", ({ expect }) => {
  const limits = new RateLimits({ now: () => 0 });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    limits.take("sign-in to ann", limit);
  }
  for (let caller = 0; caller < 25_000; caller += 1) {
    limits.take(`caller ${caller}`, limit);
  }
  expect(refusal(() => limits.take("sign-in to ann", limit))).not.toBeNull();
  expect(refusal(() => limits.take("ann", limit))).toBeNull();
});
