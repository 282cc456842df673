import type { Json } from "@cronium/protocol/json";
import { describe, test } from "vitest";
import { compileMapping } from "./mapping.ts";

async function mapped(text: string, body: Json = {}): Promise<unknown> {
  const compiled = compileMapping(text);
  const result = compiled.ok ? await compiled.mapping.evaluate({ body, headers: { "x-kind": "push" } }) : compiled;
  return result.ok ? result.value : `fault: ${result.message}`;
}

const order = {
  id: 7,
  items: [
    { sku: "a", n: 2 },
    { sku: "b", n: 3 },
  ],
  note: null,
};

describe("a mapping", () => {
  test.for<[string, unknown]>([
    ["body", order],
    ['{"id": body.id, "kind": headers."x-kind"}', { id: 7, kind: "push" }],
    ["body.items.sku", ["a", "b"]],
    ["body.items[n > 2].sku", "b"],
    ["$sum(body.items.n)", 5],
    ["body.missing", null],
    ["body.note", null],
    ['$map(body.items, function($i) { $i.sku & ":" & $i.n })', ["a:2", "b:3"]],
    ["$string(body.items[0])", '{"sku":"a","n":2}'],
    ["body.items^(>n).sku", ["b", "a"]],
    ["$uppercase(body.items[0].sku)", "A"],
    ["body.constructor", null],
    ["body.__proto__", null],
  ])("%s gives its value", async ([text, value], { expect }) => {
    expect(await mapped(text, order)).toEqual(value);
  });

  test.for<[string, RegExp]>([
    ["body.", /^fault: Unexpected end of expression/],
    ["/a+/", /^fault: regular expressions are not available here$/],
    ["$contains(body.note, /x/)", /^fault: regular expressions are not available here$/],
    ['$eval("1+1")', /^fault: .*not be available here|^fault: .*non-function/],
    ["$now()", /^fault: /],
    ["function($x) { $x }", /^fault: it gives a function$/],
    ['$error("no such order")', /^fault: no such order$/],
  ])("%s is a fault with a sentence", async ([text, message], { expect }) => {
    expect(await mapped(text, order)).toMatch(message);
  });
});

describe("B22: mappings that would cost too much stop by steps", () => {
  const stops =
    /^fault: (it needs more than 20000 steps|it makes a value that is too large|The maximum sequence length|Stack overflow)/;
  const rows = Array.from({ length: 3_000 }, (_, i) => i);
  test.for<[string, string, Json]>([
    ["recursion without end", "($f := function($n) { $f($n + 1) }; $f(0))", {}],
    ["recursion that returns", "($f := function($n) { 1 + $f($n + 1) }; $f(0))", {}],
    ["loops within loops", "$map(body, function($a) { $map($$.body, function($b) { $a * $b }) })", rows],
    ["a range", "[1..10000000]", {}],
    ["ranges of ranges", "$map([1..5000], function($i) { [1..5000] })", {}],
    ["text that doubles", '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f("x", 60))', {}],
    ["lists that double", "($f := function($s, $n) { $n = 0 ? $s : $f([$s, $s], $n - 1) }; $string($f([1], 60)))", {}],
    [
      "lists that are joined to themselves",
      "($f := function($s, $n) { $n = 0 ? $s : $f($append($s, $s), $n - 1) }; $f([1, 2], 60))",
      {},
    ],
    [
      "objects that hold one another twice",
      '($f := function($s, $n) { $n = 0 ? $s : $f({"a": $s, "b": $s}, $n - 1) }; $f({}, 60))',
      {},
    ],
    ["everything below, again and again", "$map(body, function($a) { $count($$.**) })", rows],
    ["long text that is searched", '$map([1..10000], function($i) { $contains($$.body, "y") })', "x".repeat(900_000)],
    ["long text that is joined", '$join($map([1..9000], function($i) { $$.body }), ",")', "x".repeat(2_000)],
    ["reduce that grows", "$reduce([1..9000], function($a, $b) { $a & $$.body }, body)", "x".repeat(2_000)],
    ["a long list that is sorted", "$sort(body)", [...rows, ...rows]],
    ["the same by another name", "($f := $sort; $f(body))", [...rows, ...rows]],
    ["the same in a chain", "body ~> $sort", [...rows, ...rows]],
    ["long text whose characters are counted", "$length(body)", "x".repeat(900_000)],
    ["a list that is taken apart", "$spread(body)", rows.map((n) => ({ n, twice: 2 * n }))],
    ["keys, again and again", "$map([1..15], function($i) { $keys($$.body) })", rows.map((n) => ({ n }))],
    ["everything below, not so often", "$map([1..40], function($i) { $count($$.**) })", rows],
  ])("%s", async ([, text, body], { expect }) => {
    expect(await mapped(text, body)).toMatch(stops);
  });

  test("what the functions of the library are for is far from that", async ({ expect }) => {
    const thousand = rows.slice(0, 1_000);
    expect(await mapped("$sort(body)[0]", thousand.toReversed())).toBe(0);
    expect(await mapped("$length(body)", "x".repeat(100_000))).toBe(100_000);
    expect(
      await mapped(
        "$count($keys($merge(body.{$string(n): n})))",
        thousand.map((n) => ({ n })),
      ),
    ).toBe(1_000);
    expect(await mapped("($f := $substring(?, 1); $map(body, $f))", ["ab", "cd"])).toEqual(["b", "d"]);
    expect(await mapped("$map(body, $length)", ["ab", "c"])).toEqual([2, 1]);
  });

  test("always at the same place", async ({ expect }) => {
    const bomb = "($f := function($n) { $n > 1e6 ? $n : $f($n + 1) }; $f(0))";
    expect(await Promise.all([mapped(bomb), mapped(bomb), mapped("body", 1)])).toEqual([
      "fault: it needs more than 20000 steps for this data",
      "fault: it needs more than 20000 steps for this data",
      1,
    ]);
  });
});
