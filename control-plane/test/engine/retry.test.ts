import { runInDurableObject } from "cloudflare:test";
import { afterEach, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, waitFor } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

test("a retry runs the same version with the same input, and names the run it repeats", async ({ expect }) => {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const event = await createEvent(plane, { script: "echo 1", queue: "mail" });
  const old = await trigger(plane, event, { input: { n: 1 }, priority: 4 });
  await serveAll(connection, 1);
  await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 1, script: "echo 2" });
  const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${old}/retry`);
  expect(await connection.job()).toMatchObject({
    runId,
    eventVersion: 1,
    definition: { script: "echo 1" },
    input: { n: 1 },
  });
  expect(await plane.run(runId)).toMatchObject({ retryOf: old, priority: 4, queue: "mail", attempt: 1 });
  expect(await plane.run(runId)).toMatchObject({
    trigger: "api",
    origin: { type: "api_key", keyId: expect.any(String) },
  });
  expect(await plane.run(old)).toMatchObject({ state: "succeeded", retryOf: null });
});

test("a retry may have another input, and one Idempotency-Key makes one", async ({ expect }) => {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const old = await plane.trigger({ input: "old" });
  await serveAll(connection, 1);
  const key = { "idempotency-key": "again" };
  const path = `/runs/${old}/retry`;
  const first = await plane.expectJson<{ runId: string }>(202, "POST", path, { input: "new" }, key);
  expect(await plane.expectJson(202, "POST", path, { input: "new" }, key)).toEqual({ ...first, created: false });
  expect(await connection.job()).toMatchObject({ runId: first.runId, eventId: null, input: "new" });
});

test("a run that has not ended is not retried", async ({ expect }) => {
  const plane = await makePlane();
  const runId = await plane.trigger();
  expect(await plane.expectJson(409, "POST", `/runs/${runId}/retry`, {})).toMatchObject({ code: "not_final" });
});

test("a run of an event is retried after it has left the Dispatcher, an ad-hoc script is not", async ({ expect }) => {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const event = await createEvent(plane);
  const old = [await trigger(plane, event, { input: 7 }), await plane.trigger()];
  await serveAll(connection, 2);
  await waitFor(async () => {
    const { outboxRows } = await plane.dispatcher.check();
    return outboxRows === 0 ? { ok: true, value: 0 } : { ok: false, seen: String(outboxRows) };
  }, "the projection");
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    for (const table of ["runs", "attempts", "payloads"]) {
      storage.sql.exec(`DELETE FROM ${table}`);
    }
  });
  const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${old[0]}/retry`);
  expect(await connection.job()).toMatchObject({ runId, input: 7, eventId: event });
  expect(await plane.expectJson(404, "POST", `/runs/${old[1]}/retry`)).toMatchObject({
    detail: "The script of this ad-hoc run is not kept any more; send it as a new run.",
  });
});
