import { describe, test } from "vitest";
import { type FormField, formOf, readTyped, typedOf, withDefaults } from "./schema-form.ts";

const schema = {
  type: "object",
  $defs: { region: { enum: ["eu", "us"], default: "eu" } },
  properties: {
    day: { type: "string", title: "Day", description: "Of the order" },
    rows: { type: "integer" },
    region: { $ref: "#/$defs/region" },
    dry: { type: "boolean", default: false },
    tags: { type: "array", items: { type: "string" } },
    sizes: { type: "array", items: { type: "number" } },
    target: { type: "object", properties: { host: { type: "string" }, deep: { type: "object", properties: {} } } },
    either: { anyOf: [{ type: "string" }, { type: "number" }] },
  },
  required: ["day"],
};

describe("the form of a schema", () => {
  test("has a field for each property, in its order", ({ expect }) => {
    expect(formOf(schema)?.map(({ name, kind, isRequired }) => [name, kind, isRequired])).toEqual([
      ["day", "text", true],
      ["rows", "integer", false],
      ["region", "choice", false],
      ["dry", "boolean", false],
      ["tags", "list", false],
      ["sizes", "list", false],
      ["target", "group", false],
      ["either", "json", false],
    ]);
    expect(formOf(schema)?.[0]).toMatchObject({ label: "Day", help: "Of the order" });
    const group = formOf(schema)?.find(({ kind }) => kind === "group");
    expect(group?.kind === "group" ? group.fields.map(({ name, kind }) => [name, kind]) : null).toEqual([
      ["host", "text"],
      ["deep", "json"],
    ]);
  });

  test("is JSON text for a schema that asks for no object", ({ expect }) => {
    expect([formOf(null), formOf({ type: "string" }), formOf({})]).toEqual([null, null, null]);
  });

  test("starts with the defaults of what the input does not have", ({ expect }) => {
    expect(withDefaults(schema, null)).toEqual({ region: "eu", dry: false });
    expect(withDefaults(schema, { region: "us" })).toEqual({ region: "us", dry: false });
    expect(withDefaults(schema, "text")).toBe("text");
  });

  test("reads what is typed, and writes it back as it was", ({ expect }) => {
    const field = (name: string): FormField => formOf(schema)?.find((one) => one.name === name) as FormField;
    for (const [name, typed, value] of [
      ["day", "monday", "monday"],
      ["rows", "3", 3],
      ["tags", "a\nb", ["a", "b"]],
      ["sizes", "1\n2.5", [1, 2.5]],
      ["either", '{\n  "a": 1\n}', { a: 1 }],
    ] as const) {
      expect(readTyped(field(name), typed)).toEqual({ value });
      expect(typedOf(field(name), value as never)).toBe(typed);
    }
    expect([readTyped(field("rows"), "3.5"), readTyped(field("either"), "{"), readTyped(field("sizes"), "x")]).toEqual([
      null,
      null,
      null,
    ]);
    expect([readTyped(field("rows"), ""), readTyped(field("tags"), "")]).toEqual([
      { value: undefined },
      { value: undefined },
    ]);
  });
});
