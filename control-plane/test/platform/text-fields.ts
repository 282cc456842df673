/** Where a schema takes text that people or programs choose: found in the JSON Schema that the contract is made of. */
import * as z from "zod";

interface Shape {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly additionalProperties?: Shape | boolean;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Shape>>;
}

/** Steps from the body to a text: names of fields, 0 for the item of a list, and these two for maps. */
export const ANY_KEY = "{key}";
export const ANY_VALUE = "{value}";
export type TextField = readonly (string | 0)[];

export function textFields(schema: z.core.$ZodType): TextField[] {
  const whole = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "inline" }) as Shape;
  const found = new Map<string, TextField>();
  const walk = (given: Shape, path: TextField, within: readonly string[]): void => {
    if (given.$ref !== undefined) {
      const name = given.$ref.split("/").at(-1) ?? "";
      const target = whole.$defs?.[name];
      // A schema that holds itself has no other texts the second time.
      if (target !== undefined && !within.includes(name)) {
        walk(target, path, [...within, name]);
      }
      return;
    }
    for (const part of [...(given.anyOf ?? []), ...(given.oneOf ?? []), ...(given.allOf ?? [])]) {
      walk(part, path, within);
    }
    const isText = [given.type].flat().includes("string") && given.enum === undefined && given.const === undefined;
    if (isText) {
      found.set(path.join("/"), path);
    }
    for (const [name, property] of Object.entries(given.properties ?? {})) {
      walk(property, [...path, name], within);
    }
    if (given.items !== undefined) {
      walk(given.items, [...path, 0], within);
    }
    if (typeof given.additionalProperties === "object") {
      found.set([...path, ANY_KEY].join("/"), [...path, ANY_KEY]);
      walk(given.additionalProperties, [...path, ANY_VALUE], within);
    }
  };
  walk(whole, [], []);
  return [...found.values()];
}

/** A copy of `body` with the text at its place; what is on the way is made. */
export function put(body: unknown, [step, ...rest]: TextField, text: string): unknown {
  if (step === undefined) {
    return text;
  }
  if (step === 0) {
    return [put(Array.isArray(body) ? body[0] : undefined, rest, text)];
  }
  const object = typeof body === "object" && body !== null ? { ...body } : {};
  if (step === ANY_KEY) {
    // Not by assignment: some of the texts are names that JavaScript treats apart.
    return Object.fromEntries([[text, "x"]]);
  }
  const name = step === ANY_VALUE ? "A" : step;
  return { ...object, [name]: put((object as Record<string, unknown>)[name], rest, text) };
}

/** What is there: a text, the only key of a map, or undefined. */
export function take(value: unknown, [step, ...rest]: TextField): unknown {
  if (step === undefined) {
    return value;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  if (step === ANY_KEY) {
    return Object.keys(value)[0];
  }
  return take((value as Record<string | 0, unknown>)[step === ANY_VALUE ? "A" : step], rest);
}
