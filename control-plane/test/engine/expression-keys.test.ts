import type { BatchAccepted } from "@cronium/protocol";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

const byCustomerAndRegion = { expression: "input.customer.id + ':' + input.region", limit: 1 };
const inputOf = (id: string, region: string) => ({ input: { customer: { id }, region } });

describe("I16 a concurrency key that is an expression", () => {
  test("limits the runs whose inputs give the same value", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 8 });
    const event = await createEvent(plane, { concurrencyKey: byCustomerAndRegion });
    expect(await plane.expectJson(200, "GET", `/events/${event}`)).toMatchObject({
      concurrencyKey: byCustomerAndRegion,
    });
    const first = await trigger(plane, event, inputOf("acme", "eu"));
    const second = await trigger(plane, event, inputOf("acme", "eu"));
    const other = await trigger(plane, event, inputOf("acme", "us"));
    expect([(await connection.job()).runId, (await connection.job()).runId]).toEqual([first, other]);
    expect(await plane.run(second)).toMatchObject({
      queueReason: "concurrency_limit",
      concurrencyKey: '"acme:eu"',
      message: expect.stringContaining(`${byCustomerAndRegion.expression} = "acme:eu" allows 1 run at a time`),
    });
    await evictDurableObject(plane.dispatcherStub);
    await connection.accept({ runId: first, attempt: 1 });
    await connection.finish({ runId: first, attempt: 1 });
    expect((await connection.job()).runId).toBe(second);
  });

  test("treats numbers, booleans and null as a pointer does", async ({ expect }) => {
    const plane = await makePlane();
    const byPointer = await createEvent(plane, { concurrencyKey: { pointer: "/k" } });
    const byExpression = await createEvent(plane, { concurrencyKey: { expression: "input.k" } });
    for (const k of [7, -1, 2.5, "7", true, null, 9_007_199_254_740_991, 1e300]) {
      const keyOf = async (event: string) =>
        (await plane.run(await trigger(plane, event, { input: { k } }))).concurrencyKey;
      expect(await keyOf(byExpression), String(k)).toBe(await keyOf(byPointer));
    }
  });

  test("holds for a retried run, and for what it is given then", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: byCustomerAndRegion });
    const runId = await trigger(plane, event, inputOf("acme", "eu"));
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    const again = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${runId}/retry`, inputOf("b", "us"));
    expect((await plane.run(again.runId)).concurrencyKey).toBe('"b:us"');
    expect(await plane.expectJson(422, "POST", `/runs/${runId}/retry`, { input: 1 })).toMatchObject({
      code: "expression_failed",
    });
  });

  test("stored by a version that knew pointers alone goes on as it was", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: { pointer: "/k", limit: 3 } });
    const stored = await runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
      storage.sql.exec<{ definition: string }>("SELECT definition FROM event_versions").one(),
    );
    expect(JSON.parse(stored.definition)).toMatchObject({ concurrencyKey: { pointer: "/k", limit: 3 } });
    const runId = await trigger(plane, event, { input: { k: 1 } });
    expect((await plane.run(runId)).concurrencyKey).toBe("1");
  });
});

describe("an input that the expression has no value for", () => {
  const cases: [string, unknown, RegExp][] = [
    ["input.customer.id", {}, /: No such key: customer \(at character 6\)\.$/],
    ["input.customer.id", "text", /: No such key: customer/],
    ["input.customer", { customer: { id: 1 } }, /: it gives a map, and must give a string/],
    ["input.a + ':'", { a: 1 }, /: no such overload: .* \+ string/],
    ["input.list.all(x, x > 0) ? 'a' : 'b'", { list: Array.from({ length: 9_000 }, () => 1) }, /10000 steps/],
  ];
  test.for(cases)("is refused with 422 that names %s", async ([expression, input, why], { expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: { expression } });
    const refused = await plane.expectJson<{ detail: string }>(422, "POST", `/events/${event}/runs`, { input });
    expect(refused).toMatchObject({
      code: "expression_failed",
      errors: [{ pointer: "/input", code: "expression_failed" }],
    });
    expect(refused.detail).toContain(`does not suit the expression ${expression}: `);
    expect(refused.detail).toMatch(why);
    expect(await plane.expectJson(200, "GET", "/stats")).toMatchObject({ now: { queued: 0 } });
  });

  test("is refused by itself in a batch, and a key that is too long as well", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: { expression: "input.k + '!'" } });
    const runs = [{ input: { k: "a" } }, { input: { k: 1 } }, { input: { k: "x".repeat(600) } }, { input: { k: "b" } }];
    const { items } = await plane.expectJson<BatchAccepted>(202, "POST", `/events/${event}/runs/batch`, { runs });
    expect(items.map((item) => [item.created, item.error?.code])).toEqual([
      [true, undefined],
      [false, "expression_failed"],
      [false, "out_of_range"],
      [true, undefined],
    ]);
  });
});

describe("a debounce key that is an expression", () => {
  test("gathers triggers whose inputs give the same value", async ({ expect }) => {
    const plane = await makePlane();
    const key = { expression: "input.region.lowerAscii()" };
    const event = await createEvent(plane, { debounce: { waitMs: 60_000, key } });
    const of = (region: string, n: number) => trigger(plane, event, { input: { region, n } });
    const [first, second, third] = [await of("EU", 1), await of("eu", 2), await of("us", 3)];
    expect([first === second, first === third]).toEqual([true, false]);
    expect((await plane.run(first)).input).toEqual({ region: "eu", n: 2 });
    expect(await plane.expectJson(422, "POST", `/events/${event}/runs`, { input: {} })).toMatchObject({
      code: "expression_failed",
    });
  });
});

describe("an expression that is saved", () => {
  const refuse = (plane: Plane, change: object) =>
    plane.expectJson(422, "POST", "/events", { name: "x", runtime: "bash", script: "true", ...change });

  test("is checked, and refused with where and why", async ({ expect }) => {
    const plane = await makePlane();
    const pointer = "/concurrencyKey/expression";
    for (const [expression, message] of [
      ["input.a +", /^is not accepted: Unexpected token: EOF \(at character 9\)$/],
      ["inptu.a", /Unknown variable: inptu \(at character 0\)/],
      ["input.a.matches('(a+)+$')", /matches\(\) is not available here/],
      ["[1]", /it gives a list/],
      ["input.a.all(a, input.b.all(b, input.c.all(c, true))) ? 1 : 2", /nested too deeply/],
    ] as const) {
      expect(await refuse(plane, { concurrencyKey: { expression } }), expression).toMatchObject({
        code: "invalid_expression",
        errors: [{ pointer, code: "invalid_expression", message: expect.stringMatching(message) }],
      });
    }
    const both = { concurrencyKey: { expression: "1 +" }, debounce: { waitMs: 100, key: { expression: "2 +" } } };
    expect(await refuse(plane, both)).toMatchObject({ errors: [{ pointer }, { pointer: "/debounce/key/expression" }] });
    const event = await createEvent(plane);
    const change = { version: 1, concurrencyKey: { expression: "input." } };
    expect(await plane.expectJson(422, "PATCH", `/events/${event}`, change)).toMatchObject({ errors: [{ pointer }] });
  });

  test("has a form that is held like any other", async ({ expect }) => {
    const plane = await makePlane();
    for (const [concurrencyKey, pointer, code] of [
      [{}, "/concurrencyKey", "invalid_value"],
      [{ pointer: "/a", expression: "input.a" }, "/concurrencyKey", "invalid_value"],
      [{ expression: "" }, "/concurrencyKey/expression", "out_of_range"],
      [{ expression: `1${"+1".repeat(500)}` }, "/concurrencyKey/expression", "out_of_range"],
      [{ expression: 1 }, "/concurrencyKey/expression", "invalid_type"],
      [{ expression: "input.a", limit: 0 }, "/concurrencyKey/limit", "out_of_range"],
      [{ expression: "input.a", more: 1 }, "/concurrencyKey/more", "unknown_field"],
    ] as const) {
      expect(await refuse(plane, { concurrencyKey }), JSON.stringify(concurrencyKey)).toMatchObject({
        errors: [{ pointer, code }],
      });
    }
    for (const key of [{}, { expression: 1 }, { expression: "input.a", more: 1 }, 7, "customer"]) {
      expect(await refuse(plane, { debounce: { waitMs: 100, key } }), JSON.stringify(key)).toMatchObject({
        errors: [{ pointer: expect.stringMatching(/^\/debounce\/key/) }],
      });
    }
  });
});
