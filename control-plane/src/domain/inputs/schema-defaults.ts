/** Fills in `default`s: of properties that are not there, wherever `properties`, `items`, `allOf` and `$ref` lead. */
import type { Json } from "@cronium/protocol/json";
import { MAX_JSON_DEPTH } from "@cronium/protocol/json";
import { MAX_INPUT_BYTES } from "@cronium/protocol/limits";
import { decodeRef, isObject, subschemasOf, type Subschemas } from "./schema-errors.ts";
import { SchemaFault, type SchemaMeter } from "./schema-meter.ts";

/** The same input when nothing is filled in. Throws `SchemaFault`. */
export type Filler = (input: Json, meter: SchemaMeter) => Json;

/** Null for a schema without any default. */
export function fillerOf(schema: Json): Filler | null {
  const subschemas = subschemasOf(schema);
  const has = [...subschemas.values()].some((one) => isObject(one) && one["default"] !== undefined);
  return has ? (input, meter) => new Filling(subschemas, meter).fill(schema, input, 0) : null;
}

class Filling {
  readonly #subschemas: Subschemas;
  readonly #meter: SchemaMeter;
  #bytes = 0;

  constructor(subschemas: Subschemas, meter: SchemaMeter) {
    this.#subschemas = subschemas;
    this.#meter = meter;
  }

  fill(schema: Json | undefined, value: Json, depth: number): Json {
    this.#meter.spend(1);
    if (!isObject(schema)) {
      return value;
    }
    if (depth > MAX_JSON_DEPTH) {
      throw new SchemaFault(`nests deeper than ${MAX_JSON_DEPTH} levels once its defaults are filled in`);
    }
    let filled = value;
    for (const other of [this.#target(schema), ...listOf(schema["allOf"])]) {
      filled = other === undefined ? filled : this.fill(other, filled, depth);
    }
    if (Array.isArray(filled)) {
      return this.#items(schema, filled as readonly Json[], depth);
    }
    return isObject(filled) ? this.#properties(schema, filled, depth) : filled;
  }

  #properties(
    schema: Readonly<Record<string, Json>>,
    value: Readonly<Record<string, Json>>,
    depth: number,
  ): Readonly<Record<string, Json>> {
    const { properties } = schema;
    if (!isObject(properties)) {
      return value;
    }
    let changed: Record<string, Json> | null = null;
    for (const [name, one] of Object.entries(properties)) {
      const is = Object.hasOwn(value, name) ? value[name] : this.#defaultOf(one);
      if (is !== undefined) {
        const filled = this.fill(one, is, depth + 1);
        if (filled !== value[name] || !Object.hasOwn(value, name)) {
          changed ??= { ...value };
          changed[name] = filled;
        }
      }
    }
    return changed ?? value;
  }

  #items(schema: Readonly<Record<string, Json>>, list: readonly Json[], depth: number): readonly Json[] {
    const first = listOf(schema["prefixItems"]);
    const { items } = schema;
    if (first.length === 0 && !isObject(items)) {
      return list;
    }
    const filled = list.map((one, i) => this.fill(first[i] ?? items, one, depth + 1));
    return filled.every((one, i) => one === list[i]) ? list : filled;
  }

  #defaultOf(schema: Json): Json | undefined {
    let at: Json | undefined = schema;
    // References that come back to themselves are refused when the schema is saved.
    while (isObject(at) && at["default"] === undefined) {
      this.#meter.spend(1);
      at = this.#target(at);
    }
    const value = isObject(at) ? at["default"] : undefined;
    if (value !== undefined) {
      this.#bytes += JSON.stringify(value).length;
      if (this.#bytes > MAX_INPUT_BYTES) {
        throw new SchemaFault(`has more than ${MAX_INPUT_BYTES} bytes once its defaults are filled in`);
      }
    }
    return value;
  }

  #target(schema: Readonly<Record<string, Json>>): Json | undefined {
    const ref = schema["$ref"];
    return typeof ref === "string" ? this.#subschemas.get(decodeRef(ref)) : undefined;
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
