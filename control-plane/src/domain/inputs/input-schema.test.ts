import type { Json } from "@cronium/protocol/json";
import { describe, test } from "vitest";
import { inputRule } from "./input-schema.ts";

const accept = (inputSchema: Json, input: Json | undefined, defaultInput: Json = null): unknown => {
  const accepted = inputRule({ inputSchema, defaultInput }).accept(input);
  return accepted.ok
    ? accepted.input
    : (accepted.errors ?? []).map((one) => `${one.pointer} ${one.code}: ${one.message}`);
};

const order: Json = {
  type: "object",
  properties: {
    region: { type: "string", enum: ["eu", "us"], default: "eu" },
    rows: { type: "integer", minimum: 1, maximum: 100 },
    mail: { type: "string", format: "email" },
    slug: { type: "string", pattern: "^[a-z]+(-[a-z]+)*$", maxLength: 8 },
    tags: { type: "array", items: { type: "string", minLength: 1 }, uniqueItems: true, maxItems: 3 },
    options: { type: "object", properties: { dry: { type: "boolean", default: false } }, default: {} },
  },
  required: ["rows"],
  additionalProperties: false,
};

describe("an input", () => {
  test("is what it was, where the event has no schema", ({ expect }) => {
    expect([accept(null, undefined, { a: 1 }), accept(null, "x", { a: 1 })]).toEqual([{ a: 1 }, "x"]);
  });

  test("gets the defaults of fields that are not there, however deep", ({ expect }) => {
    expect(accept(order, { rows: 3 })).toEqual({ rows: 3, region: "eu", options: { dry: false } });
    expect(accept(order, { rows: 3, region: "us", options: { dry: true } })).toEqual({
      rows: 3,
      region: "us",
      options: { dry: true },
    });
  });

  test("is made of defaults alone, where none was given and the event has none", ({ expect }) => {
    expect(accept({ type: "object", properties: { a: { default: 1 } } }, undefined)).toEqual({ a: 1 });
    expect(accept(order, undefined, { rows: 9 })).toMatchObject({ rows: 9, region: "eu" });
  });

  test("gets defaults through references, allOf and items", ({ expect }) => {
    const schema = {
      $defs: { item: { type: "object", properties: { count: { $ref: "#/$defs/one" } } }, one: { default: 1 } },
      allOf: [{ properties: { kind: { default: "sale" } } }],
      properties: { items: { type: "array", items: { $ref: "#/$defs/item" } } },
    };
    expect(accept(schema, { items: [{}, { count: 5 }] })).toEqual({
      kind: "sale",
      items: [{ count: 1 }, { count: 5 }],
    });
  });

  test.for<[Json, string[]]>([
    [{}, ["/input/rows invalid_value: is required"]],
    [{ rows: "3" }, ["/input/rows invalid_type: must be integer, not string"]],
    [{ rows: 0 }, ["/input/rows out_of_range: 0 is less than 1"]],
    [{ rows: 1, region: "mars" }, ['/input/region invalid_value: must be one of "eu","us"']],
    [{ rows: 1, extra: true }, ["/input/extra unknown_field: is not taken here"]],
    [{ rows: 1, mail: "nobody" }, ["/input/mail invalid_value: is not of the format email"]],
    [{ rows: 1, slug: "Nope" }, ["/input/slug invalid_value: does not match the pattern ^[a-z]+(-[a-z]+)*$"]],
    [{ rows: 1, slug: "abcdefghi" }, ["/input/slug out_of_range: has 9 characters; at most 8 are allowed"]],
    [{ rows: 1, tags: ["a", ""] }, ["/input/tags/1 out_of_range: has 0 characters; at least 1 are needed"]],
    [{ rows: 1, tags: ["a", "a"] }, ["/input/tags invalid_value: duplicate items at indexes 0 and 1"]],
    [
      { rows: 1.5, options: { dry: "no" } },
      [
        "/input/rows invalid_type: must be integer, not number",
        "/input/options/dry invalid_type: must be boolean, not string",
      ],
    ],
    ["text", ["/input invalid_type: must be object, not string"]],
    [null, ["/input invalid_type: must be object, not null"]],
  ])("that does not suit is refused with each place: %j", ([input, errors], { expect }) => {
    expect(accept(order, input)).toEqual(errors);
  });

  test("is told that no alternative fits, not what is wrong with each", ({ expect }) => {
    const schema = { anyOf: [{ type: "string" }, { type: "object", required: ["id"] }] };
    expect(accept(schema, 5)).toEqual(["/input invalid_value: fits none of the alternatives"]);
    expect(accept({ not: { const: 5 } }, 5)).toEqual(["/input invalid_value: is what the schema rules out"]);
  });

  test("has pointers as RFC 6901 writes them, also for names of characters that addresses do not hold", ({
    expect,
  }) => {
    const schema = { additionalProperties: { type: "string" } };
    expect(accept(schema, { "a/b ~%#é": 1 })).toEqual(["/input/a~1b ~0%#é invalid_type: must be string, not number"]);
  });

  test("of many wrong places is refused with the first twenty", ({ expect }) => {
    const errors = accept(
      { items: { type: "string" } },
      Array.from({ length: 5_000 }, (_, i) => i),
    );
    expect(errors).toHaveLength(20);
  });

  test("of many unique items is taken, and a long list elsewhere costs nothing", ({ expect }) => {
    const schema = { properties: { tags: { uniqueItems: true } } };
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ i }));
    expect(accept(schema, { tags: ["a", "b"], rows })).toEqual({ tags: ["a", "b"], rows });
  });

  test("goes by each format of the draft", ({ expect }) => {
    const ok: Readonly<Record<string, string>> = {
      date: "2026-02-28",
      "date-time": "2026-02-28T01:02:03Z",
      ipv4: "10.0.0.1",
      ipv6: "::1",
      uri: "https://example.com/a?b#c",
      uuid: "123e4567-e89b-12d3-a456-426614174000",
      hostname: "example.com",
    };
    for (const [format, text] of Object.entries(ok)) {
      expect([format, accept({ format }, text)]).toEqual([format, text]);
      expect([format, accept({ format }, "no such thing!")]).toEqual([
        format,
        [`/input invalid_value: is not of the format ${format}`],
      ]);
    }
    expect(accept({ format: "constructor" }, "x")).toBe("x");
  });
});

describe("B22: schemas that would cost too much stop by steps", () => {
  const over = /needs more than 200000 steps/;
  const first = (schema: Json, input: Json): string => {
    const errors = accept(schema, input);
    return Array.isArray(errors) && typeof errors[0] === "string" ? errors[0] : "taken";
  };

  test("references that double at each level", ({ expect }) => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `d${i}`,
        i === 39 ? {} : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
      ]),
    );
    expect(first({ $defs, $ref: "#/$defs/d0" }, 1)).toMatch(over);
  });

  test("defaults that grow for ever", ({ expect }) => {
    const schema = {
      $defs: { a: { properties: { x: { $ref: "#/$defs/b" } } }, b: { default: {}, $ref: "#/$defs/a" } },
      $ref: "#/$defs/a",
    };
    expect(first(schema, {})).toMatch(/nests deeper than 64 levels/);
    const wide = { items: { properties: { text: { default: "x".repeat(20_000) } } } };
    expect(
      first(
        wide,
        Array.from({ length: 1_000 }, () => ({})),
      ),
    ).toMatch(/more than 1048576 bytes/);
  });

  test("lists that are compared each with each", ({ expect }) => {
    const rows = [...Array.from({ length: 10_000 }, (_, i) => i), 0];
    expect(first({ uniqueItems: true }, rows.toReversed())).toMatch(/duplicate items|steps/);
    expect(first({ properties: { a: { uniqueItems: true }, b: {} } }, { a: rows.slice(0, -1), b: [1, 1] })).toMatch(
      over,
    );
  });

  test("patterns over long texts, and long keys", ({ expect }) => {
    const pattern = "^(?:a?b?c?d?e?f?g?h?)(?:[a-z]|[a-y]|[a-x]|[a-w]|[a-v]|[a-u])*!$";
    expect(first({ pattern }, "a".repeat(1_000_000))).toMatch(over);
    expect(first({ patternProperties: { "x+$": true } }, { ["x".repeat(2_000)]: 1 })).toMatch(/key of more than 1024/);
  });

  test("many values under large keywords", ({ expect }) => {
    const schema = { items: { enum: Array.from({ length: 2_000 }, (_, i) => `name-${i}`) } };
    expect(
      first(
        schema,
        Array.from({ length: 10_000 }, () => "name-1999"),
      ),
    ).toMatch(over);
  });
});
