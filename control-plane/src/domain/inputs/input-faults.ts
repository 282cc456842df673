/** What is wrong with an input, in words for people, from what the library reports. */
import type { OutputUnit } from "@cfworker/json-schema";
import type { ErrorCode, FieldError } from "@cronium/protocol/errors";
import type { Json } from "@cronium/protocol/json";
import { valueAt } from "../json-pointer.ts";
import { failedText, type CompiledSchema } from "./compiled-schema.ts";
import { pointerTo } from "./schema-errors.ts";
import type { SchemaMeter } from "./schema-meter.ts";

const MOST_ERRORS = 20;

/** Reported around what is really wrong, which follows. */
const AROUND: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "if",
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "dependentSchemas",
  "prefixItems",
  "items",
  "unevaluatedItems",
]);
/** Reported before what is wrong with each alternative, which says less than that none fits. */
const INSTEAD: ReadonlySet<string> = new Set(["anyOf", "oneOf", "contains"]);

const codes: Readonly<Record<string, ErrorCode>> = {
  type: "invalid_type",
  false: "unknown_field",
  minimum: "out_of_range",
  maximum: "out_of_range",
  exclusiveMinimum: "out_of_range",
  exclusiveMaximum: "out_of_range",
  minItems: "out_of_range",
  maxItems: "out_of_range",
  minProperties: "out_of_range",
  maxProperties: "out_of_range",
};

/** At most 20, each place once for each keyword; pointers begin with `/input`. */
export function faultsOf(
  compiled: CompiledSchema,
  units: readonly OutputUnit[],
  input: Json,
  meter: SchemaMeter,
): FieldError[] {
  const found = new Map<string, FieldError>();
  const covered: string[] = [];
  for (const unit of units) {
    const { keyword, keywordLocation } = unit;
    const isCovered = covered.some((location) => keywordLocation.startsWith(`${location}/`));
    if (INSTEAD.has(keyword) && !isCovered) {
      covered.push(keywordLocation);
    }
    if (!AROUND.has(keyword) && !isCovered && found.size < MOST_ERRORS) {
      const fault = faultOf(compiled, unit, input, meter);
      found.set(`${fault.pointer} ${keyword}`, fault);
    }
  }
  return [...found.values()];
}

function faultOf(compiled: CompiledSchema, unit: OutputUnit, input: Json, meter: SchemaMeter): FieldError {
  const place = decode(unit.instanceLocation.slice(1));
  const code = codes[unit.keyword] ?? "invalid_value";
  const missing = /required property "(.*)"\.$/s.exec(unit.error)?.[1];
  if (missing !== undefined) {
    return { pointer: `/input${pointerTo(place, missing)}`, code, message: "is required" };
  }
  const text = failedText(unit);
  if (text !== null) {
    const isName = /\/propertyNames(\/|$)/.test(unit.keywordLocation);
    const value = isName ? (place.split("/").at(-1) ?? "") : valueAt(input, place);
    const why = typeof value === "string" ? compiled.texts[text]?.why(value, meter.spend) : null;
    const message = why ?? "does not suit its schema";
    const range = / are (needed|allowed)$/.test(message);
    return { pointer: `/input${place}`, code: range ? "out_of_range" : code, message };
  }
  return { pointer: `/input${place}`, code, message: messageOf(unit) };
}

function messageOf({ keyword, error }: OutputUnit): string {
  switch (keyword) {
    case "type": {
      const [, is = "", wanted = ""] = /^Instance type "(.*?)" is invalid\. Expected "(.*)"\.$/.exec(error) ?? [];
      return `must be ${wanted.replaceAll('", "', " or ")}, not ${is}`;
    }
    case "enum":
    case "const": {
      const value = /^Instance does not match (?:any of )?(.*)\.$/s.exec(error)?.[1] ?? "";
      return keyword === "enum" ? `must be one of ${plain(value)}` : `must be ${plain(value)}`;
    }
    case "false":
      return "is not taken here";
    case "anyOf":
      return "fits none of the alternatives";
    case "oneOf":
      return error.replace(
        /^Instance does not match exactly one subschema/,
        "must fit exactly one of the alternatives",
      );
    case "not":
      return "is what the schema rules out";
    default:
      return lower(error.replace(/\.$/, ""));
  }
}

/** Of a value that was shortened, which has been written as a text. */
function plain(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" && value.startsWith("[") ? value.replace(/^\[(.*)\]$/, "$1") : json;
  } catch {
    return json;
  }
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** As the library wrote it: a JSON pointer under `encodeURI`, and `#` besides. */
function decode(pointer: string): string {
  try {
    return pointer.split("%23").map(decodeURI).join("#");
  } catch {
    return pointer;
  }
}
