/** What is wrong with an input schema that is being saved, by JSON pointer into it. */
import type { FieldError } from "@cronium/protocol/errors";
import { echo } from "@cronium/protocol/errors";
import type { Json } from "@cronium/protocol/json";
import { compileRegex, whyNotForNames } from "./linear-regex.ts";
import { keywords, refusedKeywords, samePlace, types, type Holds } from "./schema-keywords.ts";

export const MAX_SCHEMA_BYTES = 65_536;
export const MAX_SCHEMA_DEPTH = 32;
const MAX_SUBSCHEMAS = 2_000;
const MOST_ERRORS = 20;
const DIALECT = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/** Parts of the document that are schemas, by pointer. */
export type Subschemas = ReadonlyMap<string, Json>;

export function pointerTo(at: string, key: string | number): string {
  return `${at}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** At most 20. Pointers begin with `at`. */
export function schemaErrors(schema: Json, at = "/inputSchema"): FieldError[] {
  const { byteLength } = new TextEncoder().encode(JSON.stringify(schema));
  if (byteLength > MAX_SCHEMA_BYTES) {
    const message = `has ${byteLength} bytes of JSON; at most ${MAX_SCHEMA_BYTES} are taken`;
    return [{ pointer: at, code: "out_of_range", message }];
  }
  const check = new Check(at);
  check.schema(schema, "", 0);
  const errors = check.errors.length === 0 ? refErrors(check, at) : check.errors;
  return errors.slice(0, MOST_ERRORS);
}

/** Of a schema that `schemaErrors` accepts. */
export function subschemasOf(schema: Json): Subschemas {
  const check = new Check("");
  check.schema(schema, "", 0);
  return check.found;
}

class Check {
  readonly errors: FieldError[] = [];
  readonly found = new Map<string, Json>();
  readonly refs: { readonly from: string; readonly to: string }[] = [];
  readonly #at: string;

  constructor(at: string) {
    this.#at = at;
  }

  schema(schema: Json, pointer: string, depth: number): void {
    if (typeof schema === "boolean") {
      this.found.set(pointer, schema);
      return;
    }
    if (!isObject(schema)) {
      this.#wrong(pointer, "invalid_type", "must be a schema: an object, true or false");
      return;
    }
    if (depth > MAX_SCHEMA_DEPTH) {
      this.#wrong(pointer, "too_deep", `nests schemas deeper than ${MAX_SCHEMA_DEPTH} levels`);
      return;
    }
    this.found.set(pointer, schema);
    if (this.found.size > MAX_SUBSCHEMAS) {
      this.#wrong(pointer, "out_of_range", `is more than ${MAX_SUBSCHEMAS} schemas within one another`);
      return;
    }
    for (const [keyword, value] of Object.entries(schema)) {
      const here = pointerTo(pointer, keyword);
      const refused = Object.hasOwn(refusedKeywords, keyword) ? refusedKeywords[keyword] : undefined;
      if (refused !== undefined) {
        this.#wrong(here, "invalid_schema", refused);
      } else if (Object.hasOwn(keywords, keyword)) {
        this.#keyword(keywords[keyword] ?? "any", value, here, { depth, from: pointer });
      }
    }
  }

  #keyword(holds: Holds, value: Json, at: string, { depth, from }: { depth: number; from: string }): void {
    const needs = (isRight: boolean, what: string): boolean => {
      if (!isRight) {
        this.#wrong(at, "invalid_type", `must be ${what}`);
      }
      return isRight;
    };
    switch (holds) {
      case "schema":
        if (Array.isArray(value)) {
          this.#wrong(at, "invalid_schema", "must be one schema; a list of them is prefixItems in draft 2020-12");
        } else {
          this.schema(value, at, depth + 1);
        }
        return;
      case "schemas":
        if (needs(Array.isArray(value) && value.length > 0, "a list of schemas")) {
          (value as readonly Json[]).forEach((one, i) => this.schema(one, pointerTo(at, i), depth + 1));
        }
        return;
      case "schemaMap":
      case "patternMap":
        if (needs(isObject(value), "an object of schemas")) {
          for (const [name, one] of Object.entries(value as Readonly<Record<string, Json>>)) {
            if (holds === "patternMap") {
              this.#pattern(name, pointerTo(at, name), true);
            }
            this.schema(one, pointerTo(at, name), depth + 1);
          }
        }
        return;
      case "pattern":
        if (needs(typeof value === "string", "a regular expression")) {
          this.#pattern(value as string, at);
        }
        return;
      case "localRef":
        if (!needs(typeof value === "string", "a text such as #/$defs/name")) {
          return;
        }
        if (value !== "#" && !(value as string).startsWith("#/")) {
          this.#wrong(
            at,
            "invalid_schema",
            `is ${echo(value as string)}; only parts of this schema, such as #/$defs/name, can be referred to`,
          );
          return;
        }
        this.refs.push({ from, to: decodeRef(value as string) });
        return;
      case "dialect":
        if (needs(typeof value === "string", "a text") && !DIALECT.test(value as string)) {
          this.#wrong(
            at,
            "invalid_schema",
            `is ${echo(value as string)}; draft 2020-12 is read here (https://json-schema.org/draft/2020-12/schema)`,
          );
        }
        return;
      default:
        this.#plain(holds, value, needs);
    }
  }

  #plain(
    holds: Exclude<Holds, "schema" | "schemas" | "schemaMap" | "patternMap" | "pattern" | "localRef" | "dialect">,
    value: Json,
    needs: (isRight: boolean, what: string) => boolean,
  ): void {
    const isStrings = (list: Json | undefined): boolean =>
      Array.isArray(list) && list.every((one) => typeof one === "string");
    const names: readonly Json[] = types;
    switch (holds) {
      case "types": {
        const list = Array.isArray(value) ? (value as readonly Json[]) : [value];
        needs(list.length > 0 && list.every((one) => names.includes(one)), `one or several of ${types.join(", ")}`);
        return;
      }
      case "number":
        needs(typeof value === "number", "a number");
        return;
      case "positive":
        needs(typeof value === "number" && value > 0, "a number above 0");
        return;
      case "count":
        needs(typeof value === "number" && Number.isInteger(value) && value >= 0, "a whole number, 0 or more");
        return;
      case "flag":
        needs(typeof value === "boolean", "true or false");
        return;
      case "text":
        needs(typeof value === "string", "a text");
        return;
      case "strings":
        needs(isStrings(value), "a list of texts");
        return;
      case "stringsMap":
        needs(isObject(value) && Object.values(value).every(isStrings), "an object of lists of texts");
        return;
      case "values":
        needs(Array.isArray(value), "a list of values");
        return;
      case "any":
        return;
      default:
        holds satisfies never;
    }
  }

  #pattern(pattern: string, at: string, isForNames = false): void {
    const compiled = compileRegex(pattern);
    if (!compiled.ok) {
      this.#wrong(at, compiled.code, compiled.message);
      return;
    }
    const why = isForNames ? whyNotForNames(pattern) : null;
    if (why !== null) {
      this.#wrong(at, "unsafe_regex", why);
    }
  }

  #wrong(pointer: string, code: FieldError["code"], message: string): void {
    if (this.errors.length < MOST_ERRORS) {
      this.errors.push({ pointer: `${this.#at}${pointer}`, code, message });
    }
  }
}

/** References that lead nowhere, and those that come back to where they started without looking deeper into the value. */
function refErrors(check: Check, at: string): FieldError[] {
  const refOf = new Map(check.refs.map(({ from, to }) => [from, to]));
  const lost = check.refs.filter(({ to }) => !check.found.has(to));
  if (lost.length > 0) {
    return lost.map(({ from, to }) => ({
      pointer: `${at}${from}/$ref`,
      code: "invalid_schema" as const,
      message: `refers to #${to}, which is no part of this schema`,
    }));
  }
  const next = (pointer: string): string[] => {
    const schema = check.found.get(pointer);
    const ref = refOf.get(pointer);
    const inner = isObject(schema) ? Object.entries(schema).filter(([keyword]) => samePlace.has(keyword)) : [];
    const below = inner.flatMap(([keyword, value]) => {
      const here = pointerTo(pointer, keyword);
      const parts = keyword === "not" || keyword === "if" || keyword === "then" || keyword === "else" ? [here] : null;
      return parts ?? Object.keys(value as object).map((key) => pointerTo(here, key));
    });
    return ref === undefined ? below : [ref, ...below];
  };
  const done = new Set<string>();
  for (const start of check.found.keys()) {
    const loop = loopFrom(start, next, done, []);
    if (loop !== null) {
      const path = loop.map((pointer) => `#${pointer}`).join(" → ");
      return [
        { pointer: `${at}${loop[0] ?? ""}`, code: "invalid_schema", message: `refers to itself without end: ${path}` },
      ];
    }
  }
  return [];
}

function loopFrom(
  at: string,
  next: (pointer: string) => readonly string[],
  done: Set<string>,
  path: readonly string[],
): readonly string[] | null {
  const seen = path.indexOf(at);
  if (seen !== -1) {
    return [...path.slice(seen), at];
  }
  if (done.has(at)) {
    return null;
  }
  for (const one of next(at)) {
    const loop = loopFrom(one, next, done, [...path, at]);
    if (loop !== null) {
      return loop;
    }
  }
  done.add(at);
  return null;
}

/** The pointer that the fragment of a reference stands for. */
export function decodeRef(ref: string): string {
  try {
    return decodeURIComponent(ref.slice(1));
  } catch {
    return ref.slice(1);
  }
}

export function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
