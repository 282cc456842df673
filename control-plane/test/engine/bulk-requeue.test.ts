import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { Bulk } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { afterEach, describe, test } from "vitest";
import { multiply, preview, readBulk, startBulk, waitForEnd, waitForSomeDone } from "./bulk-story.ts";
import { daemonGone, failForGood } from "./dead-letter.ts";
import { closeAll, connect, registerFake, type Connection } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

/** How often each run of the Dispatcher was requeued: the counts that there are, and how many runs have each. */
async function requeues(stub: DurableObjectStub): Promise<Record<string, number>> {
  return runInDurableObject(stub, (_, { storage }) =>
    Object.fromEntries(
      storage.sql
        .exec("SELECT requeues, count(*) AS runs FROM runs GROUP BY requeues ORDER BY requeues")
        .toArray()
        .map((row) => [`${Number(row["requeues"])}`, row["runs"] as number]),
    ),
  );
}

/** A dead letter of an ad-hoc script, and no slot for the next run. */
async function oneDead(plane: Plane): Promise<{ readonly connection: Connection; readonly runId: string }> {
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger();
  await failForGood(plane, connection);
  await plane.expectJson(200, "POST", "/queues/default/pause", { note: "later" });
  return { connection, runId };
}

describe("a bulk requeue", () => {
  test("puts back the dead letters that the filter finds, and nothing else, as it was counted", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const [one, two] = [await createEvent(plane, { name: "one" }), await createEvent(plane, { name: "two" })];
    const dead = await trigger(plane, one);
    await failForGood(plane, connection);
    const other = await trigger(plane, two);
    await failForGood(plane, connection);
    const failed = await trigger(plane, one);
    const job = await connection.job();
    await connection.accept(job);
    await connection.finish(job, { outcome: "failed", failReason: "exit_code", exitCode: 1 });
    await plane.expectJson(200, "POST", "/queues/default/pause", { note: "later" });
    const waiting = await trigger(plane, one);
    expect(await preview(plane, "requeue", { eventId: one })).toEqual({ matched: 1, exact: true });
    expect(await preview(plane, "requeue", { deadLetter: true })).toMatchObject({ matched: 2 });
    expect(await preview(plane, "requeue", { state: ["timed_out"] })).toMatchObject({ matched: 0 });
    expect(await preview(plane, "cancel", { deadLetter: true })).toMatchObject({ matched: 0 });
    const bulk = await waitForEnd(plane, await startBulk(plane, "requeue", { eventId: one }));
    expect(bulk).toMatchObject({ action: "requeue", state: "finished", matched: 1, done: 1, failed: 0 });
    const states = await Promise.all([dead, other, failed, waiting].map(async (id) => (await plane.run(id)).state));
    expect(states).toEqual(["queued", "failed", "failed", "queued"]);
    await waitForEnd(plane, await startBulk(plane, "requeue", { deadLetter: true }));
    expect((await plane.run(other)).state).toBe("queued");
  });

  test("puts each of 1,000 back once over an eviction, and none that dies meanwhile", async ({ expect }) => {
    const plane = await makePlane();
    const { runId } = await oneDead(plane);
    await multiply(plane.dispatcherStub, runId, 999);
    expect(await preview(plane, "requeue", { deadLetter: true })).toEqual({ matched: 1_000, exact: true });
    const bulkId = await startBulk(plane, "requeue", { deadLetter: true });
    await waitForSomeDone(plane, bulkId);
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      storage.sql.exec("UPDATE runs SET finished_at = finished_at + 3600000 WHERE id = 'copy-999' AND requeues = 0");
    });
    await evictDurableObject(plane.dispatcherStub);
    expect(await waitForEnd(plane, bulkId)).toMatchObject({ state: "finished", matched: 999, done: 999, failed: 0 });
    expect(await requeues(plane.dispatcherStub)).toEqual({ 0: 1, 1: 999 });
    expect(await preview(plane, "requeue", { deadLetter: true })).toMatchObject({ matched: 1 });
  });

  test("can be stopped, and the rest stays dead", async ({ expect }) => {
    const plane = await makePlane();
    const { runId } = await oneDead(plane);
    await multiply(plane.dispatcherStub, runId, 1_999);
    const bulkId = await startBulk(plane, "requeue", { deadLetter: true });
    const stopped = await plane.expectJson<Bulk>(200, "POST", `/bulk/${bulkId}/cancel`);
    expect(stopped.state).toBe("stopped");
    expect((await preview(plane, "requeue", { deadLetter: true })).matched).toBe(2_000 - stopped.done);
    expect(await readBulk(plane, bulkId)).toEqual(stopped);
  });

  test("B38 the same key requeues once, also when the run has died again since", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    await plane.trigger();
    const runId = await failForGood(plane, connection);
    const key = { "idempotency-key": "put back" };
    const bulkId = await startBulk(plane, "requeue", { deadLetter: true }, key);
    await waitForEnd(plane, bulkId);
    await failForGood(plane, connection);
    expect(await startBulk(plane, "requeue", { deadLetter: true }, key)).toBe(bulkId);
    expect(await plane.run(runId)).toMatchObject({ state: "failed", failReason: "retries_exhausted", attempt: 2 });
  });

  test("covers home and shards, and shows them as one work", async ({ expect }) => {
    const plane = await makePlane();
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const runner = await registerFake(plane);
    const home = await connect(runner);
    const own = await connect(runner, { shard: 1, epoch: home.epoch });
    const eventId = await createEvent(plane, { queue: "hot" });
    await plane.trigger();
    const atHome = await failForGood(plane, home);
    const back = await connect(runner, { shard: 1, epoch: home.epoch });
    expect(own).not.toBe(back);
    const inShard = await trigger(plane, eventId);
    expect(shardOf(inShard)).toBe(1);
    const job = await back.job();
    await back.accept(job);
    await runInDurableObject(plane.shardStub(1), (_, { storage }) => {
      storage.sql.exec("UPDATE runs SET infra_failures = 3 WHERE id = ?", inShard);
    });
    await evictDurableObject(plane.shardStub(1));
    await back.finish(job, daemonGone);
    expect((await plane.run(inShard)).failReason).toBe("retries_exhausted");
    expect(await preview(plane, "requeue", { deadLetter: true })).toEqual({ matched: 2, exact: true });
    const bulk = await waitForEnd(plane, await startBulk(plane, "requeue", { deadLetter: true }));
    expect(bulk).toMatchObject({ state: "finished", matched: 2, done: 2 });
    expect(await requeues(plane.dispatcherStub)).toEqual({ 1: 1 });
    expect(await requeues(plane.shardStub(1))).toEqual({ 1: 1 });
    expect(shardOf(atHome)).toBe(0);
  });

  test("of another workspace finds nothing here", async ({ expect }) => {
    const [plane, other] = [await makePlane(), await makePlane()];
    await oneDead(plane);
    const bulkId = await startBulk(other, "requeue", { deadLetter: true });
    expect(await waitForEnd(other, bulkId)).toMatchObject({ matched: 0, done: 0 });
    await plane.expectJson(404, "GET", `/bulk/${bulkId}`);
    expect(await requeues(plane.dispatcherStub)).toEqual({ 0: 1 });
  });
});

describe("a dead letter whose queue has moved to a shard since", () => {
  test("is not started beside the shard when its event has limits, and says what to do", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const limited = await createEvent(plane, { queue: "hot", concurrency: 1 });
    const free = await createEvent(plane, { queue: "hot" });
    const dead = await trigger(plane, limited);
    await failForGood(plane, connection);
    const loose = await trigger(plane, free);
    await failForGood(plane, connection);
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const refusal = await plane.expectJson<{ code: string; detail: string }>(409, "POST", `/runs/${dead}/requeue`);
    expect(refusal).toMatchObject({ code: "shard_conflict" });
    expect(refusal.detail).toContain("Retry it");
    const bulk = await waitForEnd(plane, await startBulk(plane, "requeue", { deadLetter: true }));
    expect(bulk).toMatchObject({ matched: 2, done: 1, failed: 1, reasons: [{ code: "shard_conflict", count: 1 }] });
    expect((await plane.run(dead)).state).toBe("failed");
    expect((await plane.run(loose)).state).not.toBe("failed");
    const again = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${dead}/retry`);
    expect(shardOf(again.runId)).toBe(1);
    await plane.expectJson(202, "POST", `/runs/${again.runId}/cancel`);
    const job = await connection.job();
    await connection.accept(job);
    await connection.finish(job);
    // Home again, it may be requeued.
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: false });
    expect(await plane.expectJson(202, "POST", `/runs/${dead}/requeue`)).toMatchObject({ requeued: true });
  });
});
