import { describe, test } from "vitest";
import { AppError } from "./errors.ts";
import { MAX_JSON_DEPTH, MAX_JSON_NODES, parseStrictJson } from "./json.ts";

function refusal(text: string): AppError {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (error instanceof AppError) {
      return error;
    }
    throw error;
  }
  throw new Error(`${text.slice(0, 60)} was read`);
}

describe("strict JSON reads what JSON.parse reads", () => {
  const texts = [
    "null",
    " true ",
    "[]",
    "{}",
    "-0.0",
    "-0e1",
    "1e3",
    "0.5E-2",
    "9007199254740991",
    '"\\u00e9\\n\\"\\\\\\/"',
    '"\\ud83d\\ude00"',
    '{"a":[1,{"b":null}],"":"empty key"}',
    "\t[1 ,\r\n2 ]\n",
    '{"a":{"x":1},"b":{"x":2}}',
  ];
  for (const text of texts) {
    test(JSON.stringify(text), ({ expect }) => {
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    });
  }
});

describe("strict JSON refuses", () => {
  const broken: [string, string, number][] = [
    ["nothing", "", 0],
    ["a byte order mark", "\uFEFF{}", 0],
    ["a second value", "{} {}", 3],
    ["a comma at the end of a list", "[1,]", 3],
    ["a comma at the end of an object", '{"a":1,}', 7],
    ["a key without quotes", "{a:1}", 1],
    ["a missing colon", '{"a" 1}', 5],
    ["an object that does not end", '{"a":1', 6],
    ["a list that does not end", "[1", 2],
    ["a text that does not end", '"abc', 0],
    ["a line break in a text", '"a\nb"', 2],
    ["an unknown escape", '"\\x"', 0],
    ["a lone surrogate", '"\\ud800"', 0],
    ["a leading zero", "01", 1],
    ["NaN", "NaN", 0],
    ["a comment", "/* */1", 0],
    ["single quotes", "'a'", 0],
  ];
  for (const [what, text, position] of broken) {
    test(`${what}, and says where`, ({ expect }) => {
      const error = refusal(text);
      expect(error.code).toBe("invalid_json");
      expect(error.context["position"]).toBe(position);
      expect(error.message).toContain(`character ${position}`);
    });
  }

  test.for(["1e999", "-1e999", "9007199254740993", "-9007199254740993", "-0"])(
    "B7 %s, which would not come out as it went in, and says where",
    (text, { expect }) => {
      const error = refusal(`{"a":[${text}]}`);
      expect(error.errors).toEqual([{ pointer: "/a/0", code: "out_of_range", message: expect.any(String) }]);
      expect(error.message).toContain("/a/0");
      expect(error.context["position"]).toBe(6);
    },
  );

  test("a key that appears twice, also when it is spelled with an escape", ({ expect }) => {
    expect(refusal('{"a":{"b":1,"b":2}}').errors).toEqual([
      { pointer: "/a/b", code: "duplicate_key", message: "appears twice" },
    ]);
    expect(refusal('{"a":1,"\\u0061":2}').code).toBe("duplicate_key");
  });

  test("keys that could change what objects are", ({ expect }) => {
    for (const key of ["__proto__", "constructor", "prototype"]) {
      const error = refusal(`[{"a~/b":{"${key}":1}}]`);
      expect(error.code).toBe("forbidden_key");
      expect(error.errors[0]?.pointer).toBe(`/0/a~0~1b/${key}`);
    }
  });

  test("one level more than the deepest, and reads the deepest", ({ expect }) => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(parseStrictJson(nested(MAX_JSON_DEPTH))).toEqual(JSON.parse(nested(MAX_JSON_DEPTH)));
    expect(refusal(nested(MAX_JSON_DEPTH + 1)).code).toBe("too_deep");
    expect(refusal(nested(100_000)).code).toBe("too_deep");
  });

  test("more values than the most", ({ expect }) => {
    const list = (count: number) => `[${"0,".repeat(count - 1)}0]`;
    expect(parseStrictJson(list(MAX_JSON_NODES - 1))).toHaveLength(MAX_JSON_NODES - 1);
    expect(refusal(list(MAX_JSON_NODES)).code).toBe("too_deep");
  });
});
