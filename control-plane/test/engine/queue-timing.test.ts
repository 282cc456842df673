import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { Run } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

const HOUR = 3_600_000;

/** As if so much time had passed for what waits: the clock of the test stays. */
async function age(plane: Plane, ms: number): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec("UPDATE runs SET not_before = not_before - ? WHERE not_before > 0", ms);
    storage.sql.exec("UPDATE debounces SET until = until - ?1, first_at = first_at - ?1", ms);
  });
}

describe("a delayed trigger", () => {
  test("waits until its moment, says so, and goes then", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 1 });
    const event = await createEvent(plane);
    const later = await trigger(plane, event, { delayMs: 3_000 });
    const now = await trigger(plane, event);
    const waiting = await plane.run(later);
    expect(waiting).toMatchObject({ state: "queued", queueReason: "delayed" });
    expect(waiting.message).toBe(`It was asked to start at ${waiting.notBefore}, not earlier.`);
    expect(await serveAll(connection, 2)).toEqual([now, later]);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(waiting.notBefore ?? ""));
  });

  test("that finds no slot at its moment gets the reason of others", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger({ labels: { gpu: "yes" }, ...({ delayMs: 2_000 } as object) });
    expect((await plane.run(runId)).queueReason).toBe("delayed");
    const waiting = await plane.until(runId, (run) => run.queueReason !== "delayed", "the end of the delay");
    expect(waiting).toMatchObject({ state: "queued", queueReason: "no_matching_runner", notBefore: null });
  });

  test("may name its moment with an offset, and keeps it over a restart", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const at = Date.now() + 5_000;
    const eastern = new Date(at + 5.5 * HOUR).toISOString().replace("Z", "+05:30");
    const runId = await trigger(plane, event, { delayUntil: eastern });
    expect(await plane.run(runId)).toMatchObject({ queueReason: "delayed", notBefore: new Date(at).toISOString() });
    await evictDurableObject(plane.dispatcherStub);
    const connection = await connect(await registerFake(plane));
    expect((await plane.run(runId)).attempt).toBe(0);
    expect((await connection.job()).runId).toBe(runId);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
  });

  test("takes a new priority while it waits, and is cancelled before its moment", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const runId = await trigger(plane, event, { delayMs: HOUR });
    const changed = await plane.expectJson<Run>(200, "PATCH", `/runs/${runId}`, { priority: 9 });
    expect(changed).toMatchObject({ priority: 9, queueReason: "delayed" });
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    expect(await plane.run(runId)).toMatchObject({ state: "cancelled", attempt: 0, cancelReason: "user" });
  });

  test("in the past starts at once; two delays, or one too long, are refused", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const past = await trigger(plane, event, { delayUntil: "2020-01-01T00:00:00Z" });
    expect((await plane.run(past)).queueReason).toBe("no_matching_runner");
    const both = { delayMs: 1, delayUntil: "2027-01-01T00:00:00Z" };
    for (const [body, code] of [
      [both, "invalid_value"],
      [{ delayUntil: "2999-01-01T00:00:00Z" }, "out_of_range"],
    ] as const) {
      expect(await plane.expectJson(422, "POST", `/events/${event}/runs`, body)).toMatchObject({
        code,
        errors: [{ pointer: "/delayUntil", code }],
      });
    }
    expect(await plane.expectJson(422, "POST", `/events/${event}/runs`, { delayMs: -1 })).toMatchObject({
      errors: [{ pointer: "/delayMs", code: "out_of_range" }],
    });
  });
});

describe("queue TTL", () => {
  test("a run that nobody starts in time expires, with its reason and the last one", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { queueTtlMs: 1_000 });
    const runId = await trigger(plane, event);
    expect((await plane.run(runId)).expiresAt).not.toBeNull();
    const run = await plane.until(runId, ({ state }) => state === "expired", "the end of its time");
    expect(run).toMatchObject({ expireReason: "queue_ttl", attempt: 0, queueReason: null });
    expect(run.message).toContain("more than 1 s, as long as its event allows. Last: No runner is registered yet");
    const connection = await connect(await registerFake(plane));
    const next = await plane.trigger();
    expect((await connection.job()).runId).toBe(next);
  });

  test("a run that has started once does not expire while it waits for a retry", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const event = await createEvent(plane, { queueTtlMs: 3_000, scriptRetries: 1 });
    const runId = await trigger(plane, event);
    await connection.accept(await connection.job());
    await connection.finish({ runId, attempt: 1 }, { outcome: "failed", exitCode: 1 });
    const job = await connection.job();
    expect(job).toMatchObject({ runId, attempt: 2 });
    await connection.accept(job);
    await connection.finish(job);
    expect((await plane.run(runId)).state).toBe("succeeded");
  });
});

describe("a rate limit", () => {
  test("spreads the starts of its event, and says so", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 8 });
    const event = await createEvent(plane, { name: "Sync", rateLimit: { limit: 2, perMs: 8_000 } });
    const runs = [await trigger(plane, event), await trigger(plane, event), await trigger(plane, event)];
    const other = await plane.trigger();
    const started = [await connection.job(), await connection.job(), await connection.job()];
    expect(started.map((job) => job.runId)).toEqual([runs[0], runs[1], other]);
    for (const job of started) {
      await connection.accept(job);
    }
    expect(await plane.run(runs[2] ?? "")).toMatchObject({
      queueReason: "rate_limit",
      message:
        "Sync allows 2 starts in 8 s, which are used up; there is one more every 4 s. Raise the event's rateLimit to start sooner.",
    });
    expect((await connection.job()).runId).toBe(runs[2]);
  });

  test("is not used up by offers that are declined", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { rateLimit: { limit: 1, perMs: HOUR } });
    const first = await connect(await registerFake(plane), { slots: 9 });
    const runId = await trigger(plane, event);
    await first.job();
    const second = await connect(await registerFake(plane));
    first.send({ type: "decline", runId, attempt: 1, reason: "full", message: null });
    expect(await second.job()).toMatchObject({ runId, attempt: 2 });
  });
});

describe("debounce", () => {
  const answer = (plane: Plane, event: string, input: unknown, headers?: Record<string, string>) =>
    plane.expectJson<{ runId: string; created: boolean }>(202, "POST", `/events/${event}/runs`, { input }, headers);

  test("trailing: one run with the newest input, after the last trigger", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const event = await createEvent(plane, { debounce: { waitMs: HOUR } });
    const first = await answer(plane, event, 1);
    const before = await plane.run(first.runId);
    const second = await answer(plane, event, 2);
    const third = await answer(plane, event, { n: 3 });
    expect([second, third]).toEqual([
      { runId: first.runId, created: false },
      { runId: first.runId, created: false },
    ]);
    const waiting = await plane.run(first.runId);
    expect(waiting).toMatchObject({ queueReason: "debounced", input: { n: 3 } });
    expect(waiting.message).toContain("each one moves its start on by 1 h");
    expect(Date.parse(waiting.notBefore ?? "")).toBeGreaterThan(Date.parse(before.notBefore ?? ""));
    await age(plane, 2 * HOUR);
    await plane.dispatcher.check();
    expect(await connection.job()).toMatchObject({ runId: first.runId, input: { n: 3 } });
    expect((await answer(plane, event, 4)).created).toBe(true);
  });

  test("trailing: never later than its maximum after the first trigger", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { debounce: { waitMs: HOUR, maxDelayMs: HOUR + 60_000 } });
    const { runId } = await answer(plane, event, 1);
    const queuedAt = Date.parse((await plane.run(runId)).queuedAt);
    await age(plane, HOUR - 60_000);
    await answer(plane, event, 2);
    const run = await plane.run(runId);
    expect(Date.parse(run.notBefore ?? "")).toBeLessThanOrEqual(queuedAt + 2 * 60_000 + 5_000);
    expect(run.input).toBe(2);
  });

  test("by a key, values gather apart; a cancelled run gathers no more", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { debounce: { waitMs: HOUR, key: "/id" } });
    const a = await answer(plane, event, { id: "a" });
    expect((await answer(plane, event, { id: "b" })).created).toBe(true);
    expect((await answer(plane, event, { id: "a" })).runId).toBe(a.runId);
    await plane.expectJson(202, "POST", `/runs/${a.runId}/cancel`);
    expect((await answer(plane, event, { id: "a" })).created).toBe(true);
  });

  test("leading: the first trigger runs at once, and answers for those that follow", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const event = await createEvent(plane, { debounce: { waitMs: HOUR, mode: "leading" } });
    const first = await answer(plane, event, 1);
    expect(await connection.job()).toMatchObject({ runId: first.runId, input: 1 });
    expect(await answer(plane, event, 2)).toEqual({ runId: first.runId, created: false });
    expect((await plane.run(first.runId)).input).toBe(1);
    await age(plane, 2 * HOUR);
    expect((await answer(plane, event, 3)).created).toBe(true);
  });

  test("B38 a repeated Idempotency-Key answers with the run that its trigger joined", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { debounce: { waitMs: HOUR } });
    const first = await answer(plane, event, 1);
    const key = { "idempotency-key": "k" };
    expect(await answer(plane, event, 2, key)).toEqual({ runId: first.runId, created: false });
    await answer(plane, event, 3);
    expect(await answer(plane, event, 2, key)).toEqual({ runId: first.runId, created: false });
    expect((await plane.expectJson<Run>(200, "GET", `/runs/${first.runId}`)).input).toBe(3);
  });
});
