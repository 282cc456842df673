import type { Json } from "@cronium/protocol/json";
import { describe, test } from "vitest";
import { MAX_SCHEMA_BYTES, schemaErrors } from "./schema-errors.ts";

const found = (schema: Json): string[] => schemaErrors(schema).map(({ pointer, code }) => `${pointer} ${code}`);
const nested = (levels: number): Json => (levels === 0 ? {} : { items: nested(levels - 1) });

describe("a schema that is saved", () => {
  test.for<[Json]>([
    [{}],
    [{ type: "object", properties: { day: { type: "string", format: "date" } }, required: ["day"], "x-note": 1 }],
    [
      {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        $defs: { a: { $ref: "#" } },
        properties: { a: { $ref: "#/$defs/a" } },
      },
    ],
    [{ type: ["string", "null"], enum: ["a", null], pattern: "^a", unknownWord: { not: "a schema" } }],
    [{ properties: { "a/b~c": { const: 1 } }, $ref: "#/properties/a~1b~0c" }],
    [{ prefixItems: [{ type: "integer" }], items: false, uniqueItems: true, contains: true, minContains: 0 }],
  ])("is taken: %j", ([schema], { expect }) => {
    expect(found(schema)).toEqual([]);
  });

  test.for<[Json, string[]]>([
    [{ type: "strng" }, ["/inputSchema/type invalid_type"]],
    [
      { properties: { a: { minimum: "1", maxLength: -1 } } },
      ["/inputSchema/properties/a/minimum invalid_type", "/inputSchema/properties/a/maxLength invalid_type"],
    ],
    [{ properties: { a: 1 } }, ["/inputSchema/properties/a invalid_type"]],
    [{ required: "a" }, ["/inputSchema/required invalid_type"]],
    [{ items: [{}] }, ["/inputSchema/items invalid_schema"]],
    [{ $schema: "http://json-schema.org/draft-07/schema#" }, ["/inputSchema/$schema invalid_schema"]],
    [{ $ref: "https://example.com/schema.json" }, ["/inputSchema/$ref invalid_schema"]],
    [{ properties: { a: { $ref: "#/$defs/none" } } }, ["/inputSchema/properties/a/$ref invalid_schema"]],
    [{ $id: "https://example.com/a" }, ["/inputSchema/$id invalid_schema"]],
    [{ dependencies: {} }, ["/inputSchema/dependencies invalid_schema"]],
    [{ multipleOf: 0 }, ["/inputSchema/multipleOf invalid_type"]],
    [{ allOf: [] }, ["/inputSchema/allOf invalid_type"]],
    [{ patternProperties: { "(": {} } }, ["/inputSchema/patternProperties/( invalid_regex"]],
    [{ properties: { a: { pattern: "(a+)+$" } } }, ["/inputSchema/properties/a/pattern unsafe_regex"]],
    [nested(40), [`/inputSchema${"/items".repeat(33)} too_deep`]],
    [{ description: "x".repeat(MAX_SCHEMA_BYTES) }, ["/inputSchema out_of_range"]],
  ])("B22: names the place of what is wrong: %#", ([schema, errors], { expect }) => {
    expect(found(schema)).toEqual(errors);
  });

  test("names the path of a reference that comes back to itself", ({ expect }) => {
    const schema = { $defs: { a: { $ref: "#/$defs/b" }, b: { allOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" };
    expect(schemaErrors(schema)[0]?.message).toMatch(/without end: #\/\$defs\/a → #\/\$defs\/b → .* → #\/\$defs\/a$/);
  });

  test("B22: a pattern for names takes one open-ended repeat, because keys go by the engine at hand", ({ expect }) => {
    expect(found({ patternProperties: { "^x-[a-z]+$": {} } })).toEqual([]);
    expect(found({ patternProperties: { "^[a-z]+-[a-z]+$": {} } })).toEqual([
      "/inputSchema/patternProperties/^[a-z]+-[a-z]+$ unsafe_regex",
    ]);
  });
});
