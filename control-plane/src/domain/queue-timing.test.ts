import { describe, test } from "vitest";
import { Story } from "../../test/engine/run-story.ts";
import { debounceMessage, gatherUntil } from "./debounce.ts";
import { expire } from "./run-queue.ts";
import { duration, nextTokenAt, rateMessage, refill } from "./token-bucket.ts";

describe("a token bucket", () => {
  const rate = { limit: 2, perMs: 10_000 };
  test("starts full, never holds more than its limit, and fills evenly", ({ expect }) => {
    expect(refill(null, rate, 5)).toEqual({ tokens: 2, at: 5 });
    expect(refill({ tokens: 0, at: 0 }, rate, 2_500).tokens).toBe(0.5);
    expect(refill({ tokens: 1, at: 0 }, rate, 999_999).tokens).toBe(2);
  });

  test("says when the next token is there", ({ expect }) => {
    expect(nextTokenAt({ tokens: 0.5, at: 100 }, rate)).toBe(2_600);
    expect(nextTokenAt({ tokens: 1, at: 100 }, rate)).toBe(100);
    const at = nextTokenAt({ tokens: 0, at: 0 }, { limit: 3, perMs: 10_000 });
    expect(refill({ tokens: 0, at: 0 }, { limit: 3, perMs: 10_000 }, at).tokens).toBeGreaterThanOrEqual(1);
  });

  test("F19 loses nothing when the clock is set back", ({ expect }) => {
    expect(refill({ tokens: 1, at: 10_000 }, rate, 0).tokens).toBe(1);
  });

  test("over any stretch of time it gives at most its limit and what was filled in", ({ expect }) => {
    let bucket = refill(null, rate, 0);
    let taken = 0;
    for (let now = 0; now <= 60_000; now += 7) {
      bucket = refill(bucket, rate, now);
      if (bucket.tokens >= 1) {
        bucket = { ...bucket, tokens: bucket.tokens - 1 };
        taken += 1;
      }
    }
    expect(taken).toBeGreaterThanOrEqual(13);
    expect(taken).toBeLessThanOrEqual(14);
  });

  test("is explained by its numbers", ({ expect }) => {
    expect(rateMessage({ limit: 10, perMs: 60_000 }, "Sync")).toContain("Sync allows 10 starts in 1 min");
    expect(rateMessage({ limit: 10, perMs: 60_000 }, "Sync")).toContain("one more every 6 s");
    expect([duration(90_000), duration(7_200_000), duration(250), duration(86_400_000)]).toEqual([
      "90 s",
      "2 h",
      "250 ms",
      "1 d",
    ]);
  });
});

describe("debounce", () => {
  const debounce = { key: null, waitMs: 10_000, mode: "trailing", maxDelayMs: 25_000 } as const;
  test("each trigger moves the start on, up to the maximum", ({ expect }) => {
    expect([0, 8_000, 16_000, 24_000].map((now) => gatherUntil(debounce, 0, now))).toEqual([
      10_000, 18_000, 25_000, 25_000,
    ]);
    expect(gatherUntil({ ...debounce, maxDelayMs: null }, 0, 1_000_000)).toBe(1_010_000);
  });

  test("is explained by its numbers", ({ expect }) => {
    expect(debounceMessage(debounce, 0)).toContain(
      "until 1970-01-01T00:00:00.000Z; each one moves its start on by 10 s",
    );
  });
});

describe("queue TTL", () => {
  test("ends a run that never started, with its reason", ({ expect }) => {
    const story = new Story();
    story.run = { ...story.run, queueReason: "runner_busy", message: "Every slot is taken.", expiresAt: 5_000 };
    const step = expire(story.state(), 6_000);
    expect(step?.run).toMatchObject({
      state: "expired",
      expireReason: "queue_ttl",
      queueReason: null,
      finishedAt: 6_000,
      message: "It waited in the queue for more than 4 s, as long as its event allows. Last: Every slot is taken.",
    });
  });

  test("does not touch a run that is offered, has started before, or has ended", ({ expect }) => {
    expect(expire(new Story().offer().state(), 9e12)).toBeNull();
    expect(expire(new Story().running().do({ type: "deadline_passed" }).state(), 9e12)).toBeNull();
    expect(expire(new Story().do({ type: "cancel" }).state(), 9e12)).toBeNull();
  });
});
