/**
 * A schema made ready for `@cfworker/json-schema`, whose walk over the input has no bound of its own.
 *
 * The library reads `$ref` of a schema exactly once for each value that it looks at. In the copy that it gets, that is
 * where the steps are counted: one for the look, and more for keywords that are large. Texts go by `text-checks.ts`:
 * their keywords become a format of the library, numbered by schema, that asks the schema under way. Validating is
 * synchronous, so there is one schema under way at a time.
 */
import { format as formats, validate, type OutputUnit, type Schema } from "@cfworker/json-schema";
import type { Json } from "@cronium/protocol/json";
import { decodeRef, isObject, pointerTo, subschemasOf } from "./schema-errors.ts";
import { keywords } from "./schema-keywords.ts";
import { type InputFacts, type SchemaMeter, factsOf } from "./schema-meter.ts";
import { type TextCheck, textCheckOf, textKeywords } from "./text-checks.ts";

export interface CompiledSchema {
  readonly schema: Json;
  readonly texts: readonly TextCheck[];
  /** Everything that is wrong, or, with `isQuick`, at least one thing. Throws `SchemaFault`, and RangeError when too deep. */
  check(input: Json, meter: SchemaMeter, isQuick: boolean): readonly OutputUnit[];
}

interface UnderWay {
  readonly meter: SchemaMeter;
  readonly facts: InputFacts;
  readonly texts: readonly TextCheck[];
}

let underWay: UnderWay | null = null;

const TEXT_FORMAT = "cronium-text-";

/** Of the unit of a failed text: which of `texts` failed; null for other units. */
export function failedText(unit: OutputUnit): number | null {
  const found = new RegExp(`"${TEXT_FORMAT}(\\d+)"`).exec(unit.error);
  return unit.keyword === "format" && found !== null ? Number(found[1]) : null;
}

/** `schema` must be one that `schemaErrors` accepts. */
export function compileSchema(schema: Json): CompiledSchema {
  const subschemas = subschemasOf(schema);
  const texts: TextCheck[] = [];
  const nodes: Record<string, Schema | boolean> = Object.create(null) as Record<string, Schema | boolean>;
  for (const [pointer, one] of subschemas) {
    nodes[`#${pointer}`] = typeof one === "boolean" ? one : (Object.create(null) as Schema);
  }
  for (const [pointer, one] of subschemas) {
    const node = nodes[`#${pointer}`];
    if (isObject(one) && typeof node === "object") {
      fillNode(node, one, pointer, nodes, texts);
    }
  }
  const root = nodes["#"] ?? true;
  return {
    schema,
    texts,
    check: (input, meter, isQuick) => {
      const before = underWay;
      underWay = { meter, facts: factsOf(input), texts };
      try {
        return validate(input, root as Schema, "2020-12", nodes as Record<string, Schema>, isQuick).errors;
      } finally {
        underWay = before;
      }
    },
  };
}

function fillNode(
  node: Record<string, unknown>,
  schema: Readonly<Record<string, Json>>,
  pointer: string,
  nodes: Readonly<Record<string, unknown>>,
  texts: TextCheck[],
): void {
  const at = (...keys: readonly (string | number)[]): unknown => nodes[`#${keys.reduce<string>(pointerTo, pointer)}`];
  const cost = costOf(schema);
  for (const [keyword, value] of Object.entries(schema)) {
    const holds = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
    if (holds === "schema") {
      node[keyword] = at(keyword);
    } else if (holds === "schemas") {
      node[keyword] = (value as readonly Json[]).map((_, i) => at(keyword, i));
    } else if (holds === "schemaMap" || holds === "patternMap") {
      const map = Object.keys(value as object).map((key) => [key, at(keyword, key)] as const);
      node[keyword] = Object.fromEntries(map);
    } else if (keyword === "enum" || keyword === "const") {
      node[keyword] = briefly(value);
    } else if (holds !== undefined && keyword !== "uniqueItems" && !notes.has(keyword)) {
      node[keyword] = value;
    }
  }
  if (schema["uniqueItems"] === true) {
    // The library compares each with each; where no list repeats anything, it need not.
    Object.defineProperty(node, "uniqueItems", { get: () => underWay?.facts.repeats() ?? true });
  }
  const text = textCheckOf(schema);
  if (text !== null) {
    for (const keyword of textKeywords) {
      delete node[keyword];
    }
    node["format"] = textFormat(texts.push(text) - 1);
  }
  const ref = typeof schema["$ref"] === "string" ? `#${decodeRef(schema["$ref"])}` : undefined;
  Object.defineProperty(node, "$ref", {
    get: () => {
      if (underWay !== null) {
        underWay.meter.spend(cost(underWay.facts));
      }
      return ref;
    },
  });
}

/** Keywords that say nothing about a value. */
const notes: ReadonlySet<string> = new Set([
  "$schema",
  "$ref",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
]);

function costOf(schema: Readonly<Record<string, Json>>): (facts: InputFacts) => number {
  const { enum: values, const: only, uniqueItems, patternProperties, properties, required, ...rest } = schema;
  const size = (value: Json | undefined): number =>
    typeof value === "object" && value !== null ? Object.keys(value).length : 0;
  const fixed =
    1 +
    (size(values) + size(properties) + size(required) + size(rest["dependentRequired"])) / 32 +
    size(rest["dependentSchemas"]) / 32;
  const list = Array.isArray(values) ? (values as readonly Json[]) : only === undefined ? [] : [only];
  const deep = list.filter((value) => typeof value === "object" && value !== null).length;
  const patterns = Object.keys(isObject(patternProperties) ? patternProperties : {});
  const searches = patterns.map((pattern) => (pattern.startsWith("^") ? 1 : 2));
  return (facts) =>
    fixed +
    (deep * facts.widest) / 32 +
    (uniqueItems === true && facts.repeats() ? facts.dearestList / 64 : 0) +
    searches.reduce((sum, power) => sum + (facts.widest * facts.longestKey ** power) / 256, 0);
}

/** The same value, which the library's messages show shortened. */
function briefly(value: Json): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const text = JSON.stringify(value);
  const copy = JSON.parse(text) as object;
  Object.defineProperty(copy, "toJSON", { value: () => (text.length > 200 ? `${text.slice(0, 199)}…` : text) });
  return copy;
}

function textFormat(number: number): string {
  const name = `${TEXT_FORMAT}${number}`;
  formats[name] ??= (text) => {
    const check = underWay?.texts[number];
    return underWay === null || check === undefined || check.why(text, underWay.meter.spend) === null;
  };
  return name;
}
