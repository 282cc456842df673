/** What each keyword of JSON Schema draft 2020-12 holds, as far as it is taken here. Others are notes, and are kept. */

export type Holds =
  | "schema"
  | "schemas"
  | "schemaMap"
  | "patternMap"
  | "types"
  | "number"
  | "positive"
  | "count"
  | "flag"
  | "strings"
  | "stringsMap"
  | "pattern"
  | "text"
  | "values"
  | "any"
  | "localRef"
  | "dialect";

export const keywords: Readonly<Record<string, Holds>> = {
  $schema: "dialect",
  $ref: "localRef",
  $defs: "schemaMap",
  definitions: "schemaMap",
  $comment: "text",
  title: "text",
  description: "text",
  default: "any",
  examples: "values",
  deprecated: "flag",
  readOnly: "flag",
  writeOnly: "flag",
  type: "types",
  enum: "values",
  const: "any",
  format: "text",
  pattern: "pattern",
  minLength: "count",
  maxLength: "count",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "positive",
  properties: "schemaMap",
  patternProperties: "patternMap",
  additionalProperties: "schema",
  unevaluatedProperties: "schema",
  propertyNames: "schema",
  required: "strings",
  minProperties: "count",
  maxProperties: "count",
  dependentRequired: "stringsMap",
  dependentSchemas: "schemaMap",
  prefixItems: "schemas",
  items: "schema",
  unevaluatedItems: "schema",
  contains: "schema",
  minContains: "count",
  maxContains: "count",
  minItems: "count",
  maxItems: "count",
  uniqueItems: "flag",
  allOf: "schemas",
  anyOf: "schemas",
  oneOf: "schemas",
  not: "schema",
  if: "schema",
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema in a table that is never awaited
  then: "schema",
  else: "schema",
};

/** Keywords that mean something in other drafts, or need more than this one document, and what to do instead. */
export const refusedKeywords: Readonly<Record<string, string>> = {
  $id: "is not taken: the schema has no address of its own; refer to its parts as #/$defs/name",
  id: "is of draft 4; draft 2020-12 is read here, and the schema needs no id",
  $anchor: "is not taken; refer to parts as #/$defs/name",
  $dynamicRef: "is not taken; use $ref",
  $dynamicAnchor: "is not taken; use $ref",
  $recursiveRef: "is of draft 2019-09; use $ref",
  $recursiveAnchor: "is of draft 2019-09; use $ref",
  $vocabulary: "is for schemas of schemas",
  additionalItems: "is of older drafts; in draft 2020-12 it is called items, beside prefixItems",
  dependencies: "is of older drafts; use dependentRequired or dependentSchemas",
};

/** Keywords under which a schema is applied to the very value that the one around it is. */
export const samePlace: ReadonlySet<string> = new Set([
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
]);

export const types = ["null", "boolean", "integer", "number", "string", "array", "object"] as const;
