import { describe, test } from "vitest";
import { overQuota, takeTrigger } from "./quota.ts";
import type { Bucket } from "./token-bucket.ts";

const settings = { queueLimit: 3, triggersPerMinute: 60 };

describe("the quota of triggers", () => {
  test("lets a minute's worth through at once, then one after the other", ({ expect }) => {
    let bucket: Bucket | null = null;
    for (let i = 0; i < 60; i += 1) {
      expect(overQuota(settings, { queued: 0, bucket }, 1_000)).toBeNull();
      bucket = takeTrigger(settings, bucket, 1_000);
    }
    expect(overQuota(settings, { queued: 0, bucket }, 1_000)).toEqual({
      ok: false,
      code: "quota_exceeded",
      message:
        "This workspace allows 60 triggers a minute (triggersPerMinute), and they are used up. The next one is accepted in 1 s.",
      usedUp: { name: "triggers", limit: 60, windowSeconds: 60, resetSeconds: 1 },
    });
    expect(overQuota(settings, { queued: 0, bucket }, 1_999)).not.toBeNull();
    expect(overQuota(settings, { queued: 0, bucket }, 2_000)).toBeNull();
  });

  test("says how long it takes where a trigger is rare", ({ expect }) => {
    const rare = { queueLimit: 3, triggersPerMinute: 1 };
    const bucket = takeTrigger(rare, null, 0);
    expect(overQuota(rare, { queued: 0, bucket }, 15_000)?.usedUp?.resetSeconds).toBe(45);
  });

  test("a clock that was set back gives nothing, and takes nothing away", ({ expect }) => {
    const bucket = takeTrigger(settings, null, 60_000);
    expect(takeTrigger(settings, bucket, 0).tokens).toBe(58);
  });
});

describe("the quota of runs that wait", () => {
  test("is full at its limit, whatever triggers are left", ({ expect }) => {
    expect(overQuota(settings, { queued: 2, bucket: null }, 0)).toBeNull();
    for (const queued of [3, 4]) {
      expect(overQuota(settings, { queued, bucket: null }, 0)).toMatchObject({
        code: "quota_exceeded",
        message: expect.stringMatching(/^3 runs wait in this workspace, as many as may at a time \(queueLimit\)\./),
        usedUp: { name: "queued-runs", limit: 3, windowSeconds: null, resetSeconds: 10 },
      });
    }
  });
});
