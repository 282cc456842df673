import { runInDurableObject } from "cloudflare:test";
import type { Run } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

describe("priority", () => {
  test("the higher goes first, equals in order of arrival, and a trigger may say its own", async ({ expect }) => {
    const plane = await makePlane();
    const low = await createEvent(plane, { priority: -5 });
    const normal = await createEvent(plane);
    const runs = {
      low: await trigger(plane, low),
      first: await trigger(plane, normal),
      second: await trigger(plane, normal),
      urgent: await trigger(plane, low, { priority: 7 }),
    };
    expect((await plane.run(runs.urgent)).priority).toBe(7);
    const connection = await connect(await registerFake(plane), { slots: 1 });
    expect(await serveAll(connection, 4)).toEqual([runs.urgent, runs.first, runs.second, runs.low]);
  });

  test("it can be changed while the run is queued, and not after", async ({ expect }) => {
    const plane = await makePlane();
    const first = await plane.trigger();
    const second = await plane.trigger();
    expect(await plane.expectJson<Run>(200, "PATCH", `/runs/${second}`, { priority: 1 })).toMatchObject({
      id: second,
      priority: 1,
    });
    const connection = await connect(await registerFake(plane), { slots: 1 });
    expect(await serveAll(connection, 2)).toEqual([second, first]);
    expect(await plane.expectJson(409, "PATCH", `/runs/${second}`, { priority: 2 })).toMatchObject({
      code: "not_queued",
    });
    expect(await plane.expectJson(422, "PATCH", `/runs/${second}`, { priority: 101 })).toMatchObject({
      code: "out_of_range",
      errors: [{ pointer: "/priority" }],
    });
  });

  test("it cannot be changed while a runner is being asked, and unknown runs have none", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.job();
    expect(await plane.expectJson(409, "PATCH", `/runs/${runId}`, { priority: 2 })).toMatchObject({
      code: "not_queued",
      detail: expect.stringContaining("offered to a runner"),
    });
    const unknown = runId.replace(/.$/, runId.endsWith("0") ? "1" : "0");
    expect((await plane.call("PATCH", `/runs/${unknown}`, { priority: 2 })).status).toBe(404);
  });

  test("of runs that wait for a place of their key, the one that was raised goes first", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: { pointer: "/k" } });
    const connection = await connect(await registerFake(plane), { slots: 8 });
    const [first, second, third] = [
      await trigger(plane, event, { input: { k: 1 } }),
      await trigger(plane, event, { input: { k: 1 } }),
      await trigger(plane, event, { input: { k: 1 } }),
    ];
    expect((await plane.run(third)).queueReason).toBe("concurrency_limit");
    await plane.expectJson(200, "PATCH", `/runs/${third}`, { priority: 1 });
    expect(await serveAll(connection, 3)).toEqual([first, third, second]);
  });

  test("a save of other fields keeps how an event's runs wait", async ({ expect }) => {
    const plane = await makePlane();
    const id = await createEvent(plane, { priority: 9, weight: 3 });
    const saved = await plane.expectJson(200, "PATCH", `/events/${id}`, { version: 1, script: "false" });
    expect(saved).toMatchObject({ version: 2, priority: 9, weight: 3, script: "false" });
  });

  test("a version that was stored before these fields existed has their defaults", async ({ expect }) => {
    const plane = await makePlane();
    const id = await createEvent(plane, { priority: 9, weight: 3 });
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      storage.sql.exec("UPDATE event_versions SET definition = json_remove(definition, '$.priority', '$.weight')");
    });
    expect(await plane.expectJson(200, "GET", `/events/${id}`)).toMatchObject({ priority: 0, weight: 10 });
    const runId = await trigger(plane, id);
    const connection = await connect(await registerFake(plane));
    const job = await connection.job();
    expect(job.runId).toBe(runId);
    expect(Object.keys(job.definition)).not.toContain("priority");
  });
});

describe("fairness", () => {
  test("events share the starts by their weights, whoever came first", async ({ expect }) => {
    const plane = await makePlane();
    const flood = await createEvent(plane, { weight: 10 });
    const heavy = await createEvent(plane, { weight: 20 });
    for (let i = 0; i < 9; i += 1) {
      await trigger(plane, flood);
    }
    const heavyRuns: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      heavyRuns.push(await trigger(plane, heavy));
    }
    const connection = await connect(await registerFake(plane), { slots: 1 });
    const order = await serveAll(connection, 9);
    expect(order.filter((id) => heavyRuns.includes(id))).toHaveLength(6);
    expect(await serveAll(connection, 6)).toHaveLength(6);
  });
});

test("a backlog survives the end of the object's memory, in its order", async ({ expect }) => {
  const plane = await makePlane();
  const runs = [await plane.trigger(), await plane.trigger({ labels: { gpu: "yes" } }), await plane.trigger()];
  await runInDurableObject(plane.dispatcherStub, (_, state) => state.abort("gone")).catch(() => undefined);
  const connection = await connect(await registerFake(plane), { slots: 1 });
  expect(await serveAll(connection, 2)).toEqual([runs[0], runs[2]]);
});

test("a run that waits like those before it is written once, with their reason, and told of another one later", async ({
  expect,
}) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  const runs = [await trigger(plane, event), await trigger(plane, event), await trigger(plane, event)];
  const stored = (): Promise<unknown[]> =>
    runInDurableObject(plane.dispatcherStub, (_instance, state) =>
      state.storage.sql.exec("SELECT id, rev, queue_reason AS reason, message FROM runs ORDER BY n").toArray(),
    );
  const [first, second, third] = (await stored()) as { id: string; rev: number; reason: string; message: string }[];
  expect(first).toMatchObject({ id: runs[0], rev: 2, reason: "no_matching_runner" });
  expect(second).toEqual({ ...first, id: runs[1], rev: 1 });
  expect(third).toEqual({ ...first, id: runs[2], rev: 1 });

  const connection = await connect(await registerFake(plane), { slots: 1 });
  await connection.accept(await connection.job());
  const late = await trigger(plane, event);
  for (const runId of [runs[1], runs[2], late]) {
    expect(await plane.run(runId ?? "")).toMatchObject({ state: "queued", queueReason: "runner_busy" });
  }
});
