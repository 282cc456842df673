import type { Bulk, BulkPreview } from "@cronium/protocol";
import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { multiply, preview, startBulk, waitForEnd, waitForSomeDone } from "./bulk-story.ts";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";

afterEach(closeAll);

const start = (plane: Plane, filter: unknown, headers = {}): Promise<string> =>
  startBulk(plane, "cancel", filter, headers);

const count = (plane: Plane, filter: unknown): Promise<BulkPreview> => preview(plane, "cancel", filter);

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
    await multiply(plane.dispatcherStub, first, 1_500);
    const bulkId = await start(plane, { state: ["queued"] });
    const late = await plane.trigger({ labels: { gpu: "yes" } });
    await waitForSomeDone(plane, bulkId);
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
    await multiply(plane.dispatcherStub, await plane.trigger({ labels: { gpu: "yes" } }), 2_000);
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
