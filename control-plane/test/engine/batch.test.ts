import type { BatchAccepted } from "@cronium/protocol";
import { afterEach, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, serveAll } from "./queue-story.ts";

afterEach(closeAll);

const send = (plane: Plane, event: string, runs: unknown[], headers?: Record<string, string>): Promise<BatchAccepted> =>
  plane.expectJson(202, "POST", `/events/${event}/runs/batch`, { runs }, headers);

test("a thousand triggers become a thousand runs, answered in order", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  const { items } = await send(
    plane,
    event,
    Array.from({ length: 1_000 }, (_, i) => ({ input: i })),
  );
  expect(new Set(items.map((item) => item.runId)).size).toBe(1_000);
  expect(items.every((item) => item.created && item.error === null)).toBe(true);
  expect((await plane.run(items[777]?.runId ?? "")).input).toBe(777);
});

test("each has its priority, and is served like a single trigger", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  const { items } = await send(plane, event, [{}, { priority: 3 }, {}]);
  const connection = await connect(await registerFake(plane), { slots: 1 });
  expect(await serveAll(connection, 3)).toEqual([items[1]?.runId, items[0]?.runId, items[2]?.runId]);
});

test("one that is refused holds up nobody else", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane, { concurrencyKey: { pointer: "/k" } });
  const { items } = await send(plane, event, [{ input: { k: 1 } }, { input: { k: "x".repeat(600) } }, {}]);
  expect(items.map((item) => [item.created, item.error?.code])).toEqual([
    [true, undefined],
    [false, "out_of_range"],
    [true, undefined],
  ]);
});

test("B38 keys hold within a batch, and for the batch as a whole", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  const runs = [
    { input: 1, idempotencyKey: "a" },
    { input: 1, idempotencyKey: "a" },
    { input: 2, idempotencyKey: "a" },
  ];
  const { items } = await send(plane, event, runs);
  expect(items[1]).toEqual({ runId: items[0]?.runId, created: false, error: null });
  expect(items[2]?.error?.code).toBe("idempotency_mismatch");
  const key = { "idempotency-key": "whole" };
  const first = await send(plane, event, [{ input: 1 }, { input: 2 }], key);
  const again = await send(plane, event, [{ input: 1 }, { input: 2 }], key);
  expect(again.items).toEqual(first.items.map((item) => ({ ...item, created: false })));
  const other = await plane.call("POST", `/events/${event}/runs/batch`, { runs: [{}, {}, {}] }, key);
  expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([422, "idempotency_mismatch"]);
});

test("bodies that are not valid, and unknown events, are refused as a whole", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  const refused = (runs: unknown) => plane.expectJson(422, "POST", `/events/${event}/runs/batch`, { runs });
  expect(await refused([])).toMatchObject({ errors: [{ pointer: "/runs", code: "out_of_range" }] });
  expect(await refused(Array.from({ length: 1_001 }, () => ({})))).toMatchObject({
    errors: [{ pointer: "/runs", code: "out_of_range" }],
  });
  expect(await refused([{}, { priority: 101 }])).toMatchObject({ errors: [{ pointer: "/runs/1/priority" }] });
  expect(await refused([{}, { delayMs: 1, delayUntil: "2027-01-01T00:00:00Z" }])).toMatchObject({
    errors: [{ pointer: "/runs/1/delayUntil" }],
  });
  const badKey = { runs: [{ idempotencyKey: "ä" }] };
  expect(await plane.expectJson(400, "POST", `/events/${event}/runs/batch`, badKey)).toMatchObject({
    errors: [{ pointer: "/runs/0/idempotencyKey", code: "invalid_idempotency_key" }],
  });
  const unknown = event.replace(/.$/, event.endsWith("0") ? "1" : "0");
  const missing = await plane.call("POST", `/events/${unknown}/runs/batch`, { runs: [{}] });
  expect(missing.status).toBe(404);
});
