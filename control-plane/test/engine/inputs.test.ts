import type { BatchAccepted, Event } from "@cronium/protocol";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

const inputSchema = {
  type: "object",
  properties: {
    region: { type: "string", enum: ["eu", "us"], default: "eu" },
    rows: { type: "integer", minimum: 1 },
  },
  required: ["rows"],
  additionalProperties: false,
};

describe("an event with an input schema", () => {
  test("makes runs of inputs that suit it, with its defaults, and none of others", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { inputSchema });
    expect(await plane.expectJson<Event>(200, "GET", `/events/${event}`)).toMatchObject({ inputSchema });
    const runId = await trigger(plane, event, { input: { rows: 3 } });
    expect(await plane.run(runId)).toMatchObject({ input: { rows: 3, region: "eu" } });
    expect(await plane.expectJson(422, "POST", `/events/${event}/runs`, { input: { rows: "3" } })).toMatchObject({
      code: "invalid_input",
      detail: "/input/rows must be integer, not string.",
      errors: [{ pointer: "/input/rows", code: "invalid_type", message: "must be integer, not string" }],
    });
    expect(await plane.expectJson(422, "POST", `/events/${event}/runs`, {})).toMatchObject({
      errors: [{ pointer: "/input/rows", message: "is required" }],
    });
    expect(await plane.expectJson(200, "GET", `/runs?eventId=${event}`)).toMatchObject({ items: expect.any(Array) });
  });

  test("does not let a refused trigger use up its Idempotency-Key", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { inputSchema });
    const key = { "idempotency-key": "once" };
    await plane.expectJson(422, "POST", `/events/${event}/runs`, { input: {} }, key);
    const made = await plane.expectJson<{ runId: string }>(
      202,
      "POST",
      `/events/${event}/runs`,
      { input: { rows: 1 } },
      key,
    );
    expect(await plane.expectJson(202, "POST", `/events/${event}/runs`, { input: { rows: 1 } }, key)).toEqual({
      runId: made.runId,
      created: false,
    });
  });

  test("refuses within a batch only what does not suit, with the places", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { inputSchema });
    const { items } = await plane.expectJson<BatchAccepted>(202, "POST", `/events/${event}/runs/batch`, {
      runs: [{ input: { rows: 1 } }, { input: { rows: 0 } }],
    });
    expect(items).toMatchObject([
      { created: true, error: null },
      { runId: null, error: { code: "invalid_input", errors: [{ pointer: "/input/rows", code: "out_of_range" }] } },
    ]);
  });

  test("holds a retry against the version that the run ran", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { inputSchema });
    const runId = await trigger(plane, event, { input: { rows: 3 } });
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 1, inputSchema: { type: "string" } });
    const again = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${runId}/retry`, {
      input: { rows: 4 },
    });
    expect(await plane.run(again.runId)).toMatchObject({ input: { rows: 4, region: "eu" }, eventVersion: 1 });
    expect(await plane.expectJson(422, "POST", `/runs/${runId}/retry`, { input: "text" })).toMatchObject({
      code: "invalid_input",
    });
    await trigger(plane, event, { input: "text" });
    await plane.expectJson(422, "POST", `/events/${event}/runs`, { input: { rows: 4 } });
  });

  test("does not tell runners of its schema", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 1 });
    const event = await createEvent(plane, { inputSchema });
    await trigger(plane, event, { input: { rows: 3 } });
    const job = await connection.job();
    expect(job.input).toEqual({ rows: 3, region: "eu" });
    expect(Object.keys(job.definition)).not.toContain("inputSchema");
  });

  test("is found by triggers of a queue with a shard of its own", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { inputSchema, queue: "hot" });
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const runId = await trigger(plane, event, { input: { rows: 3 } });
    expect(runId).toMatch(/^run_1/);
    expect(await plane.run(runId)).toMatchObject({ input: { rows: 3, region: "eu" } });
    await plane.expectJson(422, "POST", `/events/${event}/runs`, { input: {} });
  });

  test("without a schema is as it was, also one that an older version stored", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, {});
    const stored = await runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
      storage.sql.exec<{ definition: string }>("SELECT definition FROM event_versions").one(),
    );
    expect(JSON.parse(stored.definition)).not.toHaveProperty("inputSchema");
    expect(await plane.expectJson(200, "GET", `/events/${event}`)).toMatchObject({ inputSchema: null });
    await evictDurableObject(plane.dispatcherStub);
    await trigger(plane, event, { input: { anything: [1] } });
  });
});

describe("a schema that is saved", () => {
  test("B22: is refused with the place of a pattern that could blow up", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, {});
    const change = { version: 1, inputSchema: { properties: { name: { pattern: "(a+)+$" } } } };
    expect(await plane.expectJson(422, "PATCH", `/events/${event}`, change)).toMatchObject({
      code: "unsafe_regex",
      errors: [{ pointer: "/inputSchema/properties/name/pattern", code: "unsafe_regex" }],
    });
    const invalid = { version: 1, inputSchema: { properties: { name: { pattern: "(" } } } };
    expect(await plane.expectJson(422, "PATCH", `/events/${event}`, invalid)).toMatchObject({ code: "invalid_regex" });
  });

  test("must suit the default input, wherever the two come from", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { defaultInput: { rows: 0 } });
    expect(await plane.expectJson(422, "PATCH", `/events/${event}`, { version: 1, inputSchema })).toMatchObject({
      code: "invalid_input",
      errors: [{ pointer: "/defaultInput/rows", code: "out_of_range", message: "0 is less than 1" }],
    });
    const both = { version: 1, inputSchema, defaultInput: { rows: 7 } };
    await plane.expectJson(200, "PATCH", `/events/${event}`, both);
    expect(await plane.run(await trigger(plane, event, {}))).toMatchObject({ input: { rows: 7, region: "eu" } });
  });
});
