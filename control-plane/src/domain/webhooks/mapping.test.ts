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
    ['body ~> |$|{"self": $}|', /^fault: it makes a value that holds itself$/],
    ['$error("no such order")', /^fault: no such order$/],
  ])("%s is a fault with a sentence", async ([text, message], { expect }) => {
    expect(await mapped(text, order)).toMatch(message);
  });
});

const shop = {
  words: ["ab", "cd"],
  n: [1, 2, 3],
  rates: { a: 1, b: 2 },
  orders: [
    {
      id: 1,
      lines: [
        { sku: "x", n: 2, price: 1.5 },
        { sku: "y", n: 1, price: 4 },
      ],
    },
    { id: 2, lines: [{ sku: "x", n: 1, price: 1.5 }] },
  ],
};

describe("JSONata as people write it", () => {
  test.for<[string, unknown]>([
    // Paths, predicates, positions, order, groups
    ["body.orders[-1].id", 2],
    ["body.orders.lines[n = 1].sku", ["y", "x"]],
    ["body.orders[0].lines[0].sku[]", ["x"]],
    ["body.orders^(>id).id", [2, 1]],
    ["body.orders^(<$count(lines), >id).id", [2, 1]],
    ["body.orders.lines{sku: $sum(n)}", { x: 3, y: 1 }],
    [
      'body.orders.{"id": id, "total": $sum(lines.(n * price))}',
      [
        { id: 1, total: 7 },
        { id: 2, total: 1.5 },
      ],
    ],
    ['body.orders.lines.(%.id & ":" & sku)', ["1:x", "1:y", "2:x"]],
    ['body.orders.lines#$i.($i & ":" & sku)', ["0:x", "1:y", "0:x"]],
    ["body.orders@$o.$o.lines.($o.id * n)", [2, 1, 2]],
    ["**.sku", ["x", "y", "x"]],
    ["body.rates.*", [1, 2]],
    ["body.`words`[1]", "cd"],
    // Operators
    ['"x" in body.orders.lines.sku', true],
    ['body.missing ?? "none"', "none"],
    ['body.missing ?: "none"', "none"],
    ['body.n[0] = 1 ? "one" : "more"', "one"],
    ["[1..3].($ * 2)", [2, 4, 6]],
    ["body.n[0] + body.n[1] * 2 - 7 % 4 / 2", 3.5],
    ["($a := body.n[2]; $a > 2 and $not($a = 4))", true],
    ['body.rates ~> |$|{"c": 3}, ["a"]|', { b: 2, c: 3 }],
    ['(body ~> |orders.lines|{"n": n * 10}|).orders.lines.n', [20, 10, 10]],
    // Functions that call functions, by name, text, some of their parameters or as a chain
    ["$map(body.words, $uppercase)", ["AB", "CD"]],
    ["$map(body.n, $string)", ["1", "2", "3"]],
    ['$map(body.n, function($v, $i, $a) { $v & "/" & $count($a) & "@" & $i })', ["1/3@0", "2/3@1", "3/3@2"]],
    ["$filter([0, 1, 2], $boolean)", [1, 2]],
    ["$reduce(body.n, function($a, $b) { $a * $b }, 10)", 60],
    ["$reduce(body.words, $append)", ["ab", "cd"]],
    ["$single(body.n, function($v) { $v = 2 })", 2],
    ["$sift(body.rates, function($v) { $v > 1 })", { b: 2 }],
    ['$each(body.rates, function($v, $k) { $k & "=" & $v })', ["a=1", "b=2"]],
    ["$sort(body.n, function($a, $b) { $a < $b })", [3, 2, 1]],
    ["$map(body.words, $substring(?, 0, 1))", ["a", "c"]],
    ["$map([0.5], $string(?, true))", "0.5"],
    ['body.words ~> $map($uppercase) ~> $join("-")', "AB-CD"],
    ["body.words[0] ~> $uppercase", "AB"],
    ["body.words ~> $map(?, $uppercase)", ["AB", "CD"]],
    ["($tidy := $trim ~> $uppercase ~> $substring(?, 0, 1); $map([' ab', 'c '], $tidy))", ["A", "C"]],
    ["body.words.$uppercase()", ["AB", "CD"]],
    ["body.n.$string()", ["1", "2", "3"]],
    // The same where a function ends with it
    ['$map([["a"], ["b", "c"]], function($x) { $map($x, $uppercase) })', [["A"], ["B", "C"]]],
    [
      '$map([["a", "b"], ["c", "d"]], function($x) { $map($x, $string) })',
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    ["(λ($x) { $filter($x, $boolean) })([0, 1, 2])", [1, 2]],
    ["(λ($x) { $reduce($x, $append) })(body.words)", ["ab", "cd"]],
    ["(λ($x) { $sort($x, function($a, $b) { $a < $b }) })(body.n)", [3, 2, 1]],
    ["(λ($x) { $each($x, function($v, $k) { $k & $v }) })(body.rates)", ["a1", "b2"]],
    ["(λ($x) { $map($x, $substring(?, 0, 1)) })(body.words)", ["a", "c"]],
    ["($plus := λ($a, $b) { $a + $b }; (λ($x) { $map($x, $plus(?, 10)) })(body.n))", [11, 12, 13]],
    ["($tidy := $trim ~> $uppercase; (λ($x) { $map($x, $tidy) })([' a', 'b']))", ["A", "B"]],
    ["($m := $map; (λ($x) { $m($x, $uppercase) })(body.words))", ["AB", "CD"]],
    [
      "(λ($x) { $map($x, λ($y) { $map($y, $sum) }) })([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])",
      [
        [3, 7],
        [11, 15],
      ],
    ],
    [
      "(λ($x) { $map($x, $map(?, $uppercase)) })([['ab', 'cd'], ['ab', 'cd']])",
      [
        ["AB", "CD"],
        ["AB", "CD"],
      ],
    ],
    // Functions of one's own
    ["($fact := λ($n) { $n <= 1 ? 1 : $n * $fact($n - 1) }; $fact(5))", 120],
    ["($to := λ($n, $sum) { $n = 0 ? $sum : $to($n - 1, $sum + $n) }; $to(500, 0))", 125_250],
    ["($f := λ($x)<n:n> { $x + 1 }; $map(body.n, $f))", [2, 3, 4]],
    // Functions of the library
    [
      "$zip(body.n, body.words)",
      [
        [1, "ab"],
        [2, "cd"],
      ],
    ],
    ["$spread(body.rates)", [{ a: 1 }, { b: 2 }]],
    ['$merge([body.rates, {"c": 3}])', { a: 1, b: 2, c: 3 }],
    ["$string(0.1 + 0.2)", "0.3"],
    ["$string($uppercase)", ""],
    ["$string(body.rates, true)", '{\n  "a": 1,\n  "b": 2\n}'],
    ['$number("12") + $round(2.567, 1) + $length("abc")', 17.6],
    ['$split("a,b", ",") ~> $reverse()', ["b", "a"]],
    ['$base64decode($base64encode("x")) & $substringAfter("a-b", "-")', "xb"],
    ["$type(body.n) & $type(body.rates) & $type($sum)", "arrayobjectfunction"],
    ['$lookup(body.rates, "b") + $max(body.n) + $average(body.n)', 7],
  ])("%s", async ([text, value], { expect }) => {
    expect(await mapped(text, shop)).toEqual(value);
  });

  test("a fault within a function that was handed on names a place in the text", async ({ expect }) => {
    const text = "($plus := λ($a, $b) { $a + $b }; (λ($x) { $map($x, $plus(?, 'ten')) })([1]))";
    const compiled = compileMapping(text);
    const result = compiled.ok ? await compiled.mapping.evaluate({}) : compiled;
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining("must evaluate to a number") });
    expect(result.ok ? "" : text.slice(0, result.position ?? 0)).toBe("($plus := λ($a, $b) { $a + $b }; (λ($x) { $map");
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
    [
      "copies that are changed to hold more each time",
      '($f := function($s, $n) { $n = 0 ? $s : $f($s ~> |x|{"a": $s, "b": $s}|, $n - 1) }; $f({"x": {}}, 60))',
      {},
    ],
    [
      "what says of itself that it is a function",
      '$string(($f := function($s, $n) { $n = 0 ? $s : $f($merge([$$.body, {"a": $s, "b": $s}]), $n - 1) }; $f({}, 60)))',
      { _jsonata_lambda: false, _jsonata_function: 1 },
    ],
    [
      "lists within lists, written over lines",
      "$string(($f := function($s, $n) { $n = 0 ? $s : $f([[$s]], $n - 1) }; $f(body, 900)), true)",
      rows,
    ],
    ["functions that are handed on", "(λ($x) { $map($x, λ($y) { $map($$.body, $string) }) })(body)", rows],
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
