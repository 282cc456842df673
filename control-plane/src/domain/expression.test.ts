import type { Json } from "@cronium/protocol/json";
import { describe, test } from "vitest";
import { compileExpression, EXPRESSION_STEPS, type Expression } from "./expression.ts";

function compiled(text: string): Expression {
  const outcome = compileExpression(text, ["input"]);
  if (!outcome.ok) {
    throw new Error(`${text}: ${outcome.message}`);
  }
  return outcome.expression;
}

const valueOf = (text: string, input: Json): unknown => {
  const result = compiled(text).evaluate({ input });
  return result.ok ? result.value : `fault: ${result.message}`;
};

const saved = (text: string): string => {
  const outcome = compileExpression(text, ["input"]);
  return outcome.ok ? "ok" : `${outcome.position}: ${outcome.message}`;
};

const order = {
  customer: { id: 7, name: "Ada" },
  region: "eu",
  tags: ["a", "b"],
  ids: [1, 2, 3],
  price: 2.5,
  whole: 2,
  nothing: null,
};

describe("an expression", () => {
  test.for<[string, unknown]>([
    ["input.region + ':' + input.customer.name", "eu:Ada"],
    ["string(input.customer.id) + ':' + input.region", "7:eu"],
    ["input.customer.id + 1", 8n],
    ["input.customer.id > 6 && input.region == 'eu'", true],
    ["input.price * 2.0", 5],
    ["input.whole == 2.0", true],
    ["input.nothing", null],
    ["has(input.absent) ? input.absent : null", null],
    ["has(input.region) ? input.region : null", "eu"],
    ["3 in input.ids", true],
    ["input.ids == [1, 2, 3]", true],
    ["input.customer == {'id': 7, 'name': 'Ada'}", true],
    ["input.ids.exists_one(i, i == 2)", true],
    ["input.ids.filter(i, i > 1).map(i, i * 10)[0]", 20n],
    ["input.ids.map(a, input.ids.map(b, a * b))[2][2]", 9n],
    ["input.tags.join('-')", "a-b"],
    ["'a,b'.split(',')[1]", "b"],
    ["input.region.upperAscii().substring(0, 1)", "E"],
    ["timestamp('2026-01-02T03:04:05Z').getHours()", 3n],
    ["size(input.customer)", 2n],
    ["-input.customer.id", -7n],
  ])("%s gives its value", ([text, value], { expect }) => {
    expect(valueOf(text, order)).toEqual(value);
  });

  test.for<[string, RegExp]>([
    ["input.customer.missing", /^fault: No such key: missing$/],
    ["input.constructor", /^fault: No such key: constructor$/],
    ["input['__proto__']", /^fault: No such key: __proto__$/],
    ["input.customer", /^fault: it gives a map, and must give a string, a number, a boolean or null$/],
    ["input.tags", /^fault: it gives a list/],
    ["input.customer.id + ':'", /^fault: no such overload: .*int.* \+ string$/],
    ["1 / (input.whole - 2)", /^fault: division by zero$/],
    ["double('nan')", /^fault: it gives NaN/],
    ["input.region ? 1 : 2", /^fault: Ternary condition must be bool/],
    ["9223372036854775807 + input.whole", /^fault: integer overflow/],
  ])("%s is a fault with a sentence", ([text, message], { expect }) => {
    expect(valueOf(text, order)).toMatch(message);
  });

  test("gives the same answer again and again, whatever came between", ({ expect }) => {
    const expression = compiled("input.n + 1");
    const of = (n: Json): unknown => expression.evaluate({ input: { n } });
    expect([of(1), of("x"), of(2.5), of(1)]).toEqual([
      { ok: true, value: 2n },
      { ok: false, message: expect.any(String), position: expect.any(Number) },
      { ok: false, message: expect.any(String), position: expect.any(Number) },
      { ok: true, value: 2n },
    ]);
  });
});

describe("what is refused when it is saved", () => {
  test.for<[string, RegExp]>([
    ["", /^0: Unexpected token: EOF$/],
    ["input.a.b +", /^11: Unexpected token/],
    ["inptu.a", /^0: Unknown variable: inptu$/],
    ["input.a == 'x' ? [1] : [2]", /^0: it gives a list<int>/],
    ["{'a': input.a}", /it gives a map/],
    ["1 + 'a'", /^0: no such overload: int \+ string$/],
    ["input.a.matches('(a+)+$')", /matches\(\) is not available here/],
    ["cel.bind(x, input.a, x)", /bind\(\) is not available here/],
    ["input.a.constructor('return 1')()", /./],
    ["process.exit()", /exit\(\) is not available here/],
    ["b'abc' == b'abc'", /bytes are not available here/],
    ["bytes('a').json()", /json\(\) is not available here/],
    ["timestamp(input.a).getHours('Europe/Berlin')", /takes no time zone/],
    ["input.a.all(a, input.b.all(b, input.c.all(c, a == b)))", /nested too deeply/],
    ["input.a.map(1, 2)", /invalid predicate iteration variable/],
  ])("%s", ([text, message], { expect }) => {
    expect(saved(text)).toMatch(message);
  });

  test("whatever is too large", ({ expect }) => {
    const repeated = (text: string, times: number): string => Array.from({ length: times }, () => text).join("");
    for (const text of [
      `1${repeated("+1", 400)}`,
      `${repeated("(", 100)}1${repeated(")", 100)}`,
      `${repeated("[", 100)}${repeated("]", 100)}`,
      `${repeated("-", 400)}1`,
      `1 in [1${repeated(",1", 200)}]`,
      `has(input${repeated(".a", 60)})`,
    ]) {
      expect(saved(text), text.slice(0, 20)).toMatch(/Exceeded max/);
    }
  });
});

describe("T22 an expression that asks for too much ends by its steps", () => {
  const list = Array.from({ length: 10_000 }, (_, i) => i);
  const map = (): Json => Object.fromEntries(list.map((i) => [`k${i}`, i]));
  const million = "x".repeat(1_000_000);
  const input: Json = {
    list,
    text: million,
    digits: "1".repeat(1_000_000),
    needle: "y".repeat(300_000),
    parts: list.map(() => "y".repeat(100)),
    a: map(),
    b: map(),
  };
  const many = (text: string, times: number, by: string): string => Array.from({ length: times }, () => text).join(by);

  test.for<[string, string]>([
    ["a loop over a long list", "input.list.all(i, i >= 0)"],
    ["a loop whose errors an or would swallow", "input.list.exists(i, i < 0) || true"],
    ["a loop within a loop", "input.list.all(i, input.list.all(j, i + j >= 0))"],
    ["lists of lists", "input.list.map(i, input.list.map(j, i)).size() > 0"],
    ["lists that are put together in a loop", "input.list.map(i, input.list + input.list).size()"],
    ["searching lists", many("(-1 in input.list)", 40, " || ")],
    ["counting characters", many("input.text.size()", 40, " + ")],
    ["comparing maps", many("(input.a == input.b)", 30, " && ")],
    ["loops over keys", many("input.a.all(k, true)", 30, " && ")],
    ["changing text", many("(input.text.lowerAscii() == 'x')", 10, " || ")],
    ["changing changed text", `[input.text${many(".upperAscii().lowerAscii()", 4, "")}].size()`],
  ])("%s", ([, text], { expect }) => {
    expect(compiled(text).evaluate({ input })).toEqual({
      ok: false,
      message: `it needs more than ${EXPRESSION_STEPS} steps for this data`,
      position: expect.any(Number),
    });
  });

  test.for([
    ["input.text + input.text", /too long here/],
    [`['${"x".repeat(50)}']${".map(s, s + s + s + s)".repeat(9)}[0].size()`, /too long here/],
    ["input.text.contains(input.needle)", /too long here/],
    ["input.text.split('').size()", /too long here/],
    ["input.parts.join(input.needle)", /join\(\) takes at most|too long here/],
    ["input.parts.join('')", /join\(\) takes at most/],
    ["duration(input.digits).getHours()", /too long here/],
    ["double(input.digits)", /too long here/],
  ] as const)("%s", ([text, message], { expect }) => {
    const result = compiled(text).evaluate({ input });
    expect(result.ok ? result.value : result.message).toMatch(message);
  });

  test("more steps allow more, and the same steps always end at the same place", ({ expect }) => {
    const expression = compiled("input.list.all(i, i >= 0)");
    expect(expression.evaluate({ input }, 100_000)).toEqual({ ok: true, value: true });
    expect(expression.evaluate({ input }, 20_000)).toEqual(expression.evaluate({ input }, 20_000));
    expect(expression.evaluate({ input: { list: list.slice(0, 1_000) } })).toEqual({ ok: true, value: true });
  });

  test("what it was given is left as it was", ({ expect }) => {
    const given = { ids: [1, 2], more: { n: 1 } };
    valueOf("(input.ids + [3]) == [1, 2, 3] && input.more == {'n': 1}", given);
    expect(given).toEqual({ ids: [1, 2], more: { n: 1 } });
  });
});
