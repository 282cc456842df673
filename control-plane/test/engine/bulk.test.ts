import type { Bulk, BulkPreview } from "@cronium/protocol";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

afterEach(closeAll);

const waitForEnd = (plane: Plane, bulkId: string): Promise<Bulk> =>
  waitFor(async () => {
    const bulk = await plane.expectJson<Bulk>(200, "GET", `/bulk/${bulkId}`);
    return bulk.state === "running" ? { ok: false, seen: JSON.stringify(bulk) } : { ok: true, value: bulk };
  }, "the end of the bulk work");

const start = async (plane: Plane, filter: unknown, headers = {}): Promise<string> =>
  (await plane.expectJson<{ bulkId: string }>(202, "POST", "/bulk", { action: "cancel", filter }, headers)).bulkId;

const count = (plane: Plane, filter: unknown): Promise<BulkPreview> =>
  plane.expectJson(200, "POST", "/bulk", { action: "cancel", filter, dryRun: true });

/** Copies of a waiting run, which nobody could trigger one by one in the time of a test. */
async function multiply(plane: Plane, runId: string, times: number): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    const columns = storage.sql
      .exec("SELECT name FROM pragma_table_info('runs') WHERE name NOT IN ('n', 'id')")
      .toArray()
      .map((row) => row["name"] as string)
      .join(", ");
    storage.sql.exec(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < ?2)
       INSERT INTO runs (id, ${columns}) SELECT 'copy-' || i, ${columns} FROM runs, c WHERE id = ?1`,
      runId,
      times,
    );
    storage.sql.exec(
      `INSERT INTO payloads (run_id, input, output, definition)
       SELECT r.id, input, output, definition FROM runs r, payloads p WHERE r.id LIKE 'copy-%' AND p.run_id = ?`,
      runId,
    );
  });
}

describe("bulk work", () => {
  test("cancels what the filter finds and nothing else, and counts it before", async ({ expect }) => {
    const plane = await makePlane();
    const [a, b] = [await plane.trigger({ labels: { gpu: "yes" } }), await plane.trigger({ labels: { gpu: "yes" } })];
    const kept = await plane.trigger({ labels: { gpu: "no" } });
    const runId = await plane.trigger();
    const connection = await connect(await registerFake(plane));
    await connection.accept({ runId, attempt: (await connection.job()).attempt });
    expect(await count(plane, { label: ["gpu=yes"] })).toEqual({ matched: 2, exact: true });
    expect(await count(plane, { state: ["starting", "succeeded"] })).toEqual({ matched: 1, exact: true });
    expect((await plane.run(a)).state).toBe("queued");
    const ended = await waitForEnd(plane, await start(plane, { label: ["gpu=yes"] }));
    expect(ended).toMatchObject({ state: "finished", matched: 2, done: 2, failed: 0, reasons: [] });
    const states = await Promise.all([a, b, kept, runId].map(async (id) => (await plane.run(id)).state));
    expect(states).toEqual(["cancelled", "cancelled", "queued", "starting"]);
    await waitForEnd(plane, await start(plane, { state: ["starting"] }));
    expect((await connection.next("cancel")).runId).toBe(runId);
  });

  test("goes on after a restart, and runs triggered meanwhile are not touched", async ({ expect }) => {
    const plane = await makePlane();
    const first = await plane.trigger({ labels: { gpu: "yes" } });
    await multiply(plane, first, 1_500);
    const bulkId = await start(plane, { state: ["queued"] });
    const late = await plane.trigger({ labels: { gpu: "yes" } });
    await waitFor(async () => {
      const { done } = await plane.expectJson<Bulk>(200, "GET", `/bulk/${bulkId}`);
      return done > 0 ? { ok: true, value: done } : { ok: false, seen: "nothing done" };
    }, "the first chunk");
    await evictDurableObject(plane.dispatcherStub);
    expect(await waitForEnd(plane, bulkId)).toMatchObject({
      state: "finished",
      matched: 1_501,
      done: 1_501,
      failed: 0,
    });
    expect((await plane.run(late)).state).toBe("queued");
    expect((await plane.run(first)).state).toBe("cancelled");
  });

  test("can be stopped, and what was done stays done", async ({ expect }) => {
    const plane = await makePlane();
    await multiply(plane, await plane.trigger({ labels: { gpu: "yes" } }), 2_000);
    const bulkId = await start(plane, { state: ["queued"] });
    const stopped = await plane.expectJson<Bulk>(200, "POST", `/bulk/${bulkId}/cancel`);
    expect(stopped.state).toBe("stopped");
    expect(stopped.done).toBeLessThan(2_001);
    expect(await plane.expectJson<Bulk>(200, "POST", `/bulk/${bulkId}/cancel`)).toEqual(stopped);
    expect((await count(plane, { state: ["queued"] })).matched).toBe(2_001 - stopped.done);
  });

  test("B38 the same key starts the same work once", async ({ expect }) => {
    const plane = await makePlane();
    await plane.trigger({ labels: { gpu: "yes" } });
    const key = { "idempotency-key": "clean up" };
    const bulkId = await start(plane, { state: ["queued"] }, key);
    expect(await start(plane, { state: ["queued"] }, key)).toBe(bulkId);
    await plane.expectJson(422, "POST", "/bulk", { action: "cancel", filter: { state: ["running"] } }, key);
  });

  test("a filter that is empty, or names what nobody knows, is refused", async ({ expect }) => {
    const plane = await makePlane();
    for (const [filter, pointer] of [
      [{}, "/filter"],
      [{ status: ["queued"] }, "/filter/status"],
      [{ state: ["paused"] }, "/filter/state/0"],
    ]) {
      const problem = await plane.expectJson<{ errors: { pointer: string }[] }>(422, "POST", "/bulk", {
        action: "cancel",
        filter,
      });
      expect(problem.errors[0]?.pointer).toBe(pointer);
    }
  });
});
