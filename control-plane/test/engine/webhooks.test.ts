import type { DeliveryDetail } from "@cronium/protocol";
import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";
import { createEvent } from "./queue-story.ts";
import { createHook, deliveriesOf, post, runsOf, send } from "./webhook-story.ts";

afterEach(closeAll);

describe("a webhook", () => {
  test("becomes a run, with its body as the input, once it is stored", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    const answer = await send(hook, { order: 7 });
    expect(answer).toMatchObject({ status: 202, body: { verdict: "accepted", runs: [{ eventId: event }] } });
    await evictDurableObject(plane.dispatcherStub);
    expect(await plane.run(answer.body.runId ?? "")).toMatchObject({
      trigger: "webhook",
      origin: {
        type: "webhook",
        endpointId: hook.endpoint.id,
        endpointName: "Orders",
        deliveryId: answer.body.deliveryId,
      },
      input: { order: 7 },
      state: "queued",
    });
    const [delivery] = await deliveriesOf(plane);
    expect(delivery).toMatchObject({ id: answer.body.deliveryId, verdict: "accepted", count: 1, sizeBytes: 11 });
    expect(await plane.expectJson<DeliveryDetail>(200, "GET", `/deliveries/${delivery?.id}`)).toMatchObject({
      body: '{"order":7}',
      headers: { "content-type": "application/json", "webhook-id": expect.any(String) },
    });
  });

  test("B26: that comes again is answered with the same run, however often and at the same time", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    const first = await send(hook, { order: 7 }, { id: "msg_same" });
    const again = await Promise.all(Array.from({ length: 5 }, () => send(hook, { order: 7 }, { id: "msg_same" })));
    expect(again.map(({ status, body }) => [status, body.verdict, body.runId])).toEqual(
      Array.from({ length: 5 }, () => [200, "duplicate", first.body.runId]),
    );
    const both = await Promise.all([send(hook, {}, { id: "msg_new" }), send(hook, {}, { id: "msg_new" })]);
    expect(new Set(both.map(({ body }) => body.runId)).size).toBe(1);
    expect(await runsOf(plane, event)).toBe(2);
    expect(await deliveriesOf(plane, "?verdict=duplicate")).toMatchObject([
      { count: 1 },
      { count: 5, original: first.body.deliveryId },
    ]);
  });

  test("B26, B27: that is not genuine makes no run, has one answer for all reasons, and is counted without a body", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    const { path } = hook.endpoint;
    const answers = [
      await post(path, "{}"),
      await post(path, "{}", { "webhook-id": "a.b", "webhook-timestamp": "1", "webhook-signature": "v1,x" }),
      await send({ ...hook, secret: "whsec_bm90IHRoZSByaWdodCBzZWNyZXQ=" }, {}),
    ];
    expect(answers.map(({ status, body }) => [status, body.code, body.detail])).toEqual(
      answers.map(() => [
        401,
        "invalid_signature",
        "The signature or credential of this request is missing or not valid.",
      ]),
    );
    expect(await runsOf(plane, event)).toBe(0);
    const [counted, ...others] = await deliveriesOf(plane);
    expect([counted?.verdict, others]).toEqual(["invalid_signature", []]);
    expect(await plane.expectJson(200, "GET", `/deliveries/${counted?.id}`)).toMatchObject({
      body: null,
      headers: null,
    });
  });

  test("B28: of a disabled endpoint is answered 410, of a deleted or unknown one 404", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    await send(hook, {});
    const { id, version } = hook.endpoint;
    await plane.expectJson(200, "PATCH", `/endpoints/${id}`, { version, enabled: false });
    expect(await send(hook, {})).toMatchObject({ status: 410, body: { code: "endpoint_disabled" } });
    expect((await plane.call("DELETE", `/endpoints/${id}`)).status).toBe(204);
    expect(await send(hook, {})).toMatchObject({ status: 404 });
    expect(await post("/hooks/ffffffffffffffffffffffffffffffffffffffff", "{}")).toMatchObject({ status: 404 });
    expect(await post("/hooks/..%2f", "{}")).toMatchObject({ status: 404 });
    expect(await runsOf(plane, event)).toBe(1);
  });

  test("goes to several events by filter and mapping, each held against its schema", async ({ expect }) => {
    const plane = await makePlane();
    const inputSchema = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };
    const paid = await createEvent(plane, { inputSchema });
    const all = await createEvent(plane);
    const hook = await createHook(plane, [
      { eventId: paid, filter: "body.kind == 'paid'", mapping: '{"id": body.order.id}' },
      { eventId: all, mapping: '{"from": headers."x-from"}' },
    ]);
    const first = await send(hook, { kind: "paid", order: { id: 5 } });
    expect(first.body.runs.map(({ verdict }) => verdict)).toEqual(["accepted", "accepted"]);
    expect(await plane.run(first.body.runs[0]?.runId ?? "")).toMatchObject({ input: { id: 5 } });
    const other = await send(hook, { kind: "open" });
    expect(other.body.runs.map(({ verdict }) => verdict)).toEqual(["filtered", "accepted"]);
    const bad = await send(hook, { kind: "paid", order: { id: "x" } });
    expect(bad).toMatchObject({ status: 202, body: { verdict: "accepted", runs: [{ verdict: "invalid_input" }, {}] } });
    const alone = await createHook(plane, [{ eventId: paid, mapping: "body.order" }]);
    expect(await send(alone, { order: { id: "x" } })).toMatchObject({ status: 422, body: { code: "invalid_input" } });
    const strict = await createHook(plane, [{ eventId: paid, filter: "body.kind == 'paid'" }]);
    expect(await send(strict, { kind: "open" })).toMatchObject({
      status: 202,
      body: { verdict: "filtered", runId: null },
    });
    expect(await send(strict, {})).toMatchObject({ status: 422, body: { code: "expression_failed" } });
  });

  test("takes its queue's shard, also when it comes again", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { queue: "hot" });
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const hook = await createHook(plane, [{ eventId: event }]);
    const first = await send(hook, { n: 1 }, { id: "msg_shard" });
    expect(first.body.runId).toMatch(/^run_1/);
    expect(await plane.run(first.body.runId ?? "")).toMatchObject({ input: { n: 1 }, trigger: "webhook" });
    expect((await send(hook, { n: 1 }, { id: "msg_shard" })).body.runId).toBe(first.body.runId);
  });

  test("F34: beyond the workspace's triggers is refused with 429 as a whole, and taken when it comes again", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const [one, two] = [await createEvent(plane), await createEvent(plane)];
    await plane.expectJson(200, "PATCH", "/settings", { queueLimit: 3 });
    const hook = await createHook(plane, [{ eventId: one }, { eventId: two }]);
    expect((await send(hook, {})).status).toBe(202);
    const refused = await send(hook, {}, { id: "msg_late" });
    expect(refused).toMatchObject({ status: 429, body: { code: "quota_exceeded" } });
    expect([await runsOf(plane, one), await runsOf(plane, two)]).toEqual([1, 1]);
    await plane.expectJson(200, "PATCH", "/settings", { queueLimit: 10 });
    expect((await send(hook, {}, { id: "msg_late" })).status).toBe(202);
    const other = await makePlane();
    const calm = await createHook(other, [{ eventId: await createEvent(other) }]);
    expect((await send(calm, {})).status).toBe(202);
    expect(await deliveriesOf(plane, "?verdict=quota")).toMatchObject([{ count: 1 }]);
  });

  test("F34: of a burst as many are taken as the quota has triggers, once each, and another workspace's as before", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    const other = await makePlane();
    const calm = await createHook(other, [{ eventId: await createEvent(other) }]);
    await plane.expectJson(200, "PATCH", "/settings", { triggersPerMinute: 5 });
    const [burst, beside] = await Promise.all([
      Promise.all(Array.from({ length: 30 }, (_, n) => send(hook, { n }, { id: `msg_burst_${n}` }))),
      Promise.all(Array.from({ length: 5 }, (_, n) => send(calm, { n }, { id: `msg_calm_${n}` }))),
    ]);
    const taken = burst.filter(({ status }) => status === 202);
    // A slow machine may earn the bucket another one meanwhile.
    expect(taken.length).toBeGreaterThanOrEqual(5);
    expect(taken.length).toBeLessThan(30);
    expect(burst.filter(({ status }) => status !== 202).map(({ status, body }) => [status, body.code])).toEqual(
      Array.from({ length: 30 - taken.length }, () => [429, "quota_exceeded"]),
    );
    expect(new Set(taken.map(({ body }) => body.runId)).size).toBe(taken.length);
    expect(await runsOf(plane, event)).toBe(taken.length);
    expect(beside.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
  });

  test("T22, B22: whose filter or mapping would go off on it starts nothing, and says so", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const list = Array.from({ length: 5_000 }, (_, n) => n);
    const bombs: [object, string, string][] = [
      [{ filter: "body.all(a, body.all(b, a + b >= 0))" }, "expression_failed", "filter_failed"],
      [{ mapping: "$map(body, function($a) { $sort($$.body) })" }, "mapping_failed", "mapping_failed"],
      [{ mapping: "($f := function($n) { $f($n + 1) }; $f(0))" }, "mapping_failed", "mapping_failed"],
    ];
    for (const [target, code, verdict] of bombs) {
      const hook = await createHook(plane, [{ eventId: event, ...target }]);
      const answer = await send(hook, list);
      expect(answer).toMatchObject({ status: 422, body: { code } });
      expect(answer.body.detail).toMatch(/needs more than \d+ steps for this data/);
      expect(await deliveriesOf(plane, `?endpointId=${hook.endpoint.id}`)).toMatchObject([{ verdict }]);
    }
    expect(await runsOf(plane, event)).toBe(0);
  });

  test("B2, B25: that cannot be read is refused with the reason", async ({ expect }) => {
    const plane = await makePlane();
    const hook = await createHook(plane, [{ eventId: await createEvent(plane) }]);
    expect(await send(hook, null, { text: '{"a":1,"a":2}' })).toMatchObject({ body: { code: "duplicate_key" } });
    expect(await send(hook, null, { text: '{"__proto__":1}' })).toMatchObject({ body: { code: "forbidden_key" } });
    expect(await send(hook, null, { text: "x".repeat(1_048_577) })).toMatchObject({ status: 413 });
    const open = await createHook(plane, [], { verification: { kind: "none" } });
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-h${i}`, "1"]));
    expect(await post(open.endpoint.path, "{}", many)).toMatchObject({ status: 422, body: { code: "invalid_header" } });
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const event = await createEvent(plane);
    const forms = await createHook(plane, [{ eventId: event }], { verification: { kind: "none" } });
    const answer = await post(forms.endpoint.path, "a=1&b=x+y", form);
    expect(await plane.run(answer.body.runId ?? "")).toMatchObject({ input: { a: "1", b: "x y" } });
  });

  test("waits for the result where the endpoint says so", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 1 });
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }], { wait: { timeoutMs: 20_000 } });
    const [answer] = await Promise.all([
      send(hook, {}),
      (async () => {
        const job = await connection.job();
        await connection.accept(job);
        await connection.finish(job);
      })(),
    ]);
    expect(answer).toMatchObject({ status: 200, body: { state: "succeeded" } });
    const brief = await createHook(plane, [{ eventId: event }], { wait: { timeoutMs: 100 } });
    expect((await send(brief, {})).status).toBe(202);
  });
});
