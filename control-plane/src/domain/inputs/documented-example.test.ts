import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "@cronium/protocol/json";
import { test } from "vitest";
import { inputRule } from "./input-schema.ts";
import { schemaErrors } from "./schema-errors.ts";

test("the example of docs/inputs.md does what the page says", ({ expect }) => {
  const page = readFileSync(join(import.meta.dirname, "../../../../docs/inputs.md"), "utf8");
  const blocks = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text = ""]) => JSON.parse(text) as Json);
  const [schema = null, good, filled, bad, errors] = blocks;
  expect(blocks).toHaveLength(5);
  expect(schemaErrors(schema)).toEqual([]);
  const rule = inputRule({ inputSchema: schema, defaultInput: null });
  expect(rule.accept(good)).toEqual({ ok: true, input: filled });
  expect(rule.accept(bad)).toMatchObject({ ok: false, code: "invalid_input", errors });
});
