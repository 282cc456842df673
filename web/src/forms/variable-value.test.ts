import { test } from "vitest";
import { readVariableValue, variableText } from "./variable-value.ts";

test("a value of each type goes through the form unchanged", ({ expect }) => {
  for (const [value, type] of [
    ["7", "string"],
    ["", "string"],
    ['"quoted"', "string"],
    [7.5, "number"],
    [false, "boolean"],
    [{ a: [1, null, "x"] }, "json"],
    ["text", "json"],
    [null, "json"],
  ] as const) {
    expect(readVariableValue(variableText(value, type), type)).toEqual({ ok: true, value });
  }
});

test("text that is not of the type is refused with what to write", ({ expect }) => {
  for (const [text, type] of [
    ["seven", "number"],
    ["", "number"],
    ['"7"', "number"],
    ["{", "json"],
    ["", "json"],
  ] as const) {
    expect(readVariableValue(text, type)).toMatchObject({ ok: false, message: expect.stringContaining("such as") });
  }
});
