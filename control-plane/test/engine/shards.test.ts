import { afterEach, describe, test } from "vitest";
import type { Event, Queue, RunSummary } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

afterEach(closeAll);

const event = { name: "Hot", kind: "script", runtime: "bash", script: "true", queue: "hot" };

async function makeEvent(plane: Plane, change: Record<string, unknown> = {}): Promise<Event> {
  return plane.expectJson<Event>(201, "POST", "/events", { ...event, ...change });
}

async function shard(plane: Plane, own: boolean, name = "hot"): Promise<Queue> {
  return plane.expectJson<Queue>(200, "POST", `/queues/${name}/shard`, { own });
}

async function trigger(plane: Plane, eventId: string, body: unknown = {}, key?: string): Promise<string> {
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/events/${eventId}/runs`, body, headers);
  return runId;
}

describe("a queue with a shard of its own", () => {
  test("gets its runs there, and one runner serves it beside home", async ({ expect }) => {
    const plane = await makePlane();
    const { id } = await makeEvent(plane);
    expect(await shard(plane, true)).toMatchObject({ name: "hot", shard: 1 });
    const runner = await registerFake(plane);
    const home = await connect(runner);
    expect(await home.next("shards")).toEqual({ type: "shards", shards: [1] });
    const own = await connect(runner, { shard: 1, epoch: home.epoch });

    const runId = await trigger(plane, id, { input: { a: 1 } });
    expect(shardOf(runId)).toBe(1);
    const job = await own.job();
    expect(job).toMatchObject({ runId, attempt: 1, eventId: id, eventVersion: 1, input: { a: 1 } });
    expect((await plane.run(runId)).state).toBe("queued");
    await own.accept(job);
    await own.finish(job, { output: { b: 2 } });
    expect(await plane.run(runId)).toMatchObject({ state: "succeeded", output: { b: 2 }, queue: "hot" });

    const other = await plane.trigger();
    expect(shardOf(other)).toBe(0);
    const second = await home.job();
    expect(second.runId).toBe(other);
    await home.accept(second);
    await home.finish(second);
    await waitFor(async () => {
      const { items } = await plane.expectJson<{ items: RunSummary[] }>(200, "GET", "/runs");
      const seen = items.map((run) => `${run.id} ${run.state}`).toSorted();
      return seen.length === 2 && seen.every((one) => one.endsWith("succeeded"))
        ? { ok: true, value: null }
        : { ok: false, seen: seen.join(", ") };
    }, "both runs in the list");
  });

  test("takes ad-hoc runs too, and repeats them, and cancels them", async ({ expect }) => {
    const plane = await makePlane();
    await shard(plane, true);
    const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", "/runs", {
      runtime: "bash",
      script: "echo one",
      queue: "hot",
    });
    expect(shardOf(runId)).toBe(1);
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    expect((await plane.run(runId)).state).toBe("cancelled");
    const again = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${runId}/retry`);
    expect(shardOf(again.runId)).toBe(1);
    await plane.expectJson(200, "PATCH", `/runs/${again.runId}`, { priority: 7 });
    await shard(plane, false);
    const home = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${runId}/retry`);
    expect(shardOf(home.runId)).toBe(0);
    const own = await connect(await registerFake(plane), { shard: 1 });
    expect(await own.job()).toMatchObject({ runId: again.runId, definition: { script: "echo one" } });
  });

  test("an id that names a shard which the workspace does not have is unknown, and makes no object", async ({
    expect,
  }) => {
    const plane = await makePlane();
    await plane.expectJson(404, "GET", "/runs/run_z1m7y2e8yskjydhxp8psmj392g");
    await plane.expectJson(422, "POST", "/queues/hot/shard", { own: "yes" });
    const runner = await registerFake(plane);
    await expect(connect(runner, { shard: 3 })).rejects.toThrow(/expected an upgrade, got 404/);
  });
});

describe("an Idempotency-Key", () => {
  test("stands for one run before, during and after moves of its queue", async ({ expect }) => {
    const plane = await makePlane();
    const { id } = await makeEvent(plane);
    const atHome = await trigger(plane, id, {}, "first");
    await shard(plane, true);
    expect(await trigger(plane, id, {}, "first")).toBe(atHome);
    const inShard = await trigger(plane, id, {}, "second");
    expect(shardOf(inShard)).toBe(1);
    expect(await trigger(plane, id, {}, "second")).toBe(inShard);
    for (const runId of [atHome, inShard]) {
      await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    }
    await shard(plane, false);
    expect(await trigger(plane, id, {}, "first")).toBe(atHome);
    expect(await trigger(plane, id, {}, "second")).toBe(inShard);
    expect(shardOf(await trigger(plane, id, {}, "third"))).toBe(0);
  });

  test("that was used for a run of one shard is refused for another request at home", async ({ expect }) => {
    const plane = await makePlane();
    const { id } = await makeEvent(plane);
    await shard(plane, true);
    await trigger(plane, id, {}, "same");
    const other = { runtime: "bash", script: "true" };
    const refused = await plane.call("POST", "/runs", other, { "idempotency-key": "same" });
    expect([refused.status, await refused.json()]).toMatchObject([422, { code: "idempotency_mismatch" }]);
  });

  test("whose first trigger died between home and the shard is made once by its repeat", async ({ expect }) => {
    const plane = await makePlane();
    const { id } = await makeEvent(plane);
    await shard(plane, true);
    // Home has placed it; the Worker is gone before the shard hears of it.
    const hash = "f".repeat(64);
    const command = {
      runId: "run_01m7y2e8yskjydhxp8psmj392g",
      causeKey: "caller key",
      bodyHash: hash,
      trigger: "api",
      input: undefined,
      options: {},
      target: { kind: "event", eventId: id },
    } as const;
    const placed = await plane.dispatcher.enqueue(command);
    expect(placed).toMatchObject({ ok: true, value: { created: true, placement: { shard: 1 } } });
    const repeated = await plane.dispatcher.enqueue({ ...command, runId: "run_01m7y2e8yskjydhxp8psmj3999" });
    const runId = placed.ok ? placed.value.runId : "";
    expect(repeated).toMatchObject({ ok: true, value: { runId, placement: { shard: 1, generation: 1 } } });
  });
});
