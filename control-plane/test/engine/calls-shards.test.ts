/** Calls of jobs whose run is in a shard: home decides about variables and locks, the shard about who may ask. */
import { runInDurableObject } from "cloudflare:test";
import type { Variable } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { afterEach, test } from "vitest";
import { ask, codeOf, letsGo, resultOf } from "./calling.ts";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

test("T6 I17 a run in a shard reads, writes and locks at home, and its ended attempt does nothing there", async ({
  expect,
}) => {
  const plane = await makePlane();
  await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
  const eventId = await createEvent(plane, { queue: "hot" });
  const runner = await registerFake(plane);
  const home = letsGo(await connect(runner));
  const shard = await connect(runner, { shard: 1, epoch: home.epoch });
  const runId = await trigger(plane, eventId);
  expect(shardOf(runId)).toBe(1);
  const ref = await shard.take();
  shard.send({ type: "started", ...ref });

  const set = { do: "variable.set", name: "A", value: "1", ifVersion: 0 } as const;
  const first = await resultOf(ask(shard, ref, set, "once"));
  expect(first).toMatchObject({ version: 1 });
  expect(await resultOf(ask(shard, ref, set, "once"))).toMatchObject({ version: 1, cacheMs: 0 });
  const read = await resultOf(ask(shard, ref, { do: "variable.get", name: "A" }));
  expect([read["value"], Number(read["cacheMs"]) > 0]).toEqual(["1", true]);
  const { items } = await plane.expectJson<{ items: Variable[] }>(200, "GET", "/variables");
  // What this runner may use again is taken back over its connection to home.
  await plane.expectJson(200, "PUT", `/variables/${items[0]?.id ?? ""}`, { value: 2 });
  expect(await resultOf(ask(shard, ref, { do: "variable.get", name: "A" }))).toMatchObject({ value: "2" });
  expect(await resultOf(ask(shard, ref, { do: "lock.take", name: "l", ttlMs: 300_000 }))).toMatchObject({ fence: 1 });

  await shard.finish(ref);
  expect(await codeOf(ask(shard, ref, set))).toMatch(/stale_attempt|attempt_not_active/);
  await expect
    .poll(() =>
      runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
        storage.sql.exec("SELECT name FROM locks").toArray(),
      ),
    )
    .toEqual([]);
  const late = { ...ref, eventId, runnerId: runner.runnerId, epoch: home.epoch, key: "late" };
  const answer = await plane.dispatcher.callHome({ ...late, op: { do: "variable.set", name: "B", value: "1" } });
  expect(answer.error?.code).toBe("stale_attempt");
});
