/**
 * The fields of a form for inputs that suit a JSON Schema: text, numbers, yes or no, choices, lists of plain values, and
 * objects one level deep. What else a schema can say becomes a field for JSON; the API has the last word on all of it.
 */
import type { Json } from "@cronium/protocol/json";

interface Common {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly isRequired: boolean;
}
export type FormField = Common &
  (
    | { readonly kind: "text" | "integer" | "number" | "boolean" | "json" }
    | { readonly kind: "choice"; readonly choices: readonly Json[] }
    | { readonly kind: "list"; readonly item: "text" | "number" }
    | { readonly kind: "group"; readonly fields: readonly FormField[] }
  );

type Schema = Readonly<Record<string, Json>>;

/** Null when the schema asks for no object with named fields: then the input is JSON text. */
export function formOf(schema: Schema | null): readonly FormField[] | null {
  return schema === null ? null : fieldsIn(schema, schema, 0);
}

function fieldsIn(schema: Schema, root: Schema, depth: number): readonly FormField[] | null {
  const properties = asSchema(schema["properties"]);
  if (properties === null || (schema["type"] !== undefined && schema["type"] !== "object")) {
    return null;
  }
  const required = listOf(schema["required"]);
  return Object.entries(properties).map(([name, given]): FormField => {
    const one = resolved(given, root);
    const common = { name, label: textOf(one["title"]) || name, help: textOf(one["description"]) };
    return { ...common, isRequired: required.includes(name), ...kindOf(one, root, depth) } as FormField;
  });
}

function kindOf(schema: Schema, root: Schema, depth: number): object {
  const { type } = schema;
  const choices = schema["const"] === undefined ? listOf(schema["enum"]) : [schema["const"]];
  if (choices.length > 0) {
    return choices.every((one) => typeof one !== "object" || one === null)
      ? { kind: "choice", choices }
      : { kind: "json" };
  }
  if (type === "string") {
    return { kind: "text" };
  }
  if (type === "integer" || type === "number" || type === "boolean") {
    return { kind: type };
  }
  if (type === "array" && schema["prefixItems"] === undefined) {
    const item = resolved(schema["items"], root)["type"];
    if (item === "string") {
      return { kind: "list", item: "text" };
    }
    if (item === "integer" || item === "number") {
      return { kind: "list", item: "number" };
    }
  }
  const fields = depth === 0 && type === "object" ? fieldsIn(schema, root, 1) : null;
  return fields === null ? { kind: "json" } : { kind: "group", fields };
}

/** What a form starts with: `default`s of the schema where `input` has nothing. */
export function withDefaults(schema: Schema, input: Json): Json {
  const start = input === null ? {} : input;
  const properties = asSchema(schema["properties"]);
  if (properties === null || typeof start !== "object" || Array.isArray(start)) {
    return input;
  }
  const filled: Record<string, Json> = { ...(start as Readonly<Record<string, Json>>) };
  for (const [name, given] of Object.entries(properties)) {
    const value = resolved(given, schema)["default"];
    if (!Object.hasOwn(filled, name) && value !== undefined) {
      filled[name] = value;
    }
  }
  return filled;
}

/** The typed text as a value of the field; undefined for a field that is left out, null where the text is not usable. */
export function readTyped(field: FormField, typed: string): { readonly value: Json | undefined } | null {
  switch (field.kind) {
    case "text":
      return { value: typed === "" && !field.isRequired ? undefined : typed };
    case "integer":
    case "number": {
      const value = Number(typed);
      const isUsable =
        typed.trim() !== "" && Number.isFinite(value) && (field.kind === "number" || Number.isInteger(value));
      return typed.trim() === "" ? { value: undefined } : isUsable ? { value } : null;
    }
    case "list": {
      const lines = typed.split("\n").filter((line) => line !== "");
      if (field.item === "text") {
        return { value: lines.length === 0 && !field.isRequired ? undefined : lines };
      }
      const numbers = lines.map(Number);
      return numbers.every(Number.isFinite) ? { value: numbers } : null;
    }
    default:
      if (typed.trim() === "") {
        return { value: undefined };
      }
      try {
        return { value: JSON.parse(typed) as Json };
      } catch {
        return null;
      }
  }
}

/** A value as `readTyped` reads it. */
export function typedOf(field: FormField, value: Json | undefined): string {
  if (value === undefined) {
    return "";
  }
  if (field.kind === "text" && typeof value === "string") {
    return value;
  }
  if (field.kind === "list" && Array.isArray(value)) {
    return (value as readonly Json[]).map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n");
  }
  return field.kind === "json" ? JSON.stringify(value, null, 2) : JSON.stringify(value);
}

function resolved(schema: Json | undefined, root: Schema): Schema {
  let at = asSchema(schema);
  for (let i = 0; i < 10 && typeof at?.["$ref"] === "string"; i += 1) {
    let target: Json | undefined = root;
    for (const part of at["$ref"].split("/").slice(1)) {
      target = asSchema(target)?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
    }
    at = asSchema(target);
  }
  return at ?? {};
}

function asSchema(value: Json | undefined): Schema | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : null;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
