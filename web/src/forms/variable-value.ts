/** Values of variables as text in a form, and back. */
import type { VariableType } from "@cronium/protocol/api/variables";
import type { Json } from "@cronium/protocol/json";
import { t } from "../lib/text.ts";

export type ReadValue = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string };

export function variableText(value: Json, type: VariableType): string {
  return typeof value === "string" && type === "string" ? value : JSON.stringify(value, null, type === "json" ? 2 : 0);
}

export function readVariableValue(text: string, type: VariableType): ReadValue {
  switch (type) {
    case "string":
      return { ok: true, value: text };
    case "boolean":
      return { ok: true, value: text.trim() === "true" };
    case "number": {
      const value = parse(text);
      return typeof value === "number" ? { ok: true, value } : { ok: false, message: t("variables.wrongNumber") };
    }
    case "json": {
      const value = parse(text);
      return value === undefined ? { ok: false, message: t("variables.wrongJson") } : { ok: true, value };
    }
    default:
      return type satisfies never;
  }
}

/** Undefined when it is not JSON. */
function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
