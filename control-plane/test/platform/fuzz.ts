/** Random requests out of a route's own schemas: mostly what it asks for, with something odd put in here and there. */
import * as z from "zod";

/** Mulberry32 (Tommy Ettinger, public domain): small, seeded, good enough to pick test values. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to and without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.int(0, values.length - 1)];
    if (value === undefined) {
      throw new Error("There is nothing to pick from.");
    }
    return value;
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }
}

const LETTERS = "abcdefghijklmnop0123456789-_";

const ODD: readonly unknown[] = [
  null,
  true,
  "",
  " ",
  "0",
  -1,
  0,
  1e308,
  2 ** 53,
  [],
  {},
  [[]],
  "\u0000",
  "\u202e\u200b",
  "😀".repeat(50),
  "' OR 1=1 --",
  "../../etc/passwd",
  "{{constructor.constructor('return 1')()}}",
  "2026-13-45T99:99:99Z",
  "x".repeat(5_000),
];

interface Shape {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly additionalProperties?: Shape | boolean;
  /** `#/$defs/Name`, or `#` for the whole. */
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Shape>>;
}

/** Ids and the like that exist, so that requests get past the first look-up. */
export type Known = readonly string[];

export function makeValue(schema: z.core.$ZodType, chance: Chance, known: Known): unknown {
  const whole = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "inline" }) as Shape;
  const resolve = (shape: Shape): Shape =>
    shape.$ref === undefined ? shape : resolve(whole.$defs?.[shape.$ref.split("/").at(-1) ?? ""] ?? {});
  return valueOf(whole, { chance, known, resolve }, 0);
}

interface Making {
  readonly chance: Chance;
  readonly known: Known;
  readonly resolve: (shape: Shape) => Shape;
}

function valueOf(given: Shape, making: Making, depth: number): unknown {
  const { chance } = making;
  const shape = making.resolve(given);
  if (chance.happens(0.06)) {
    return chance.pick(ODD);
  }
  if (shape.const !== undefined) {
    return shape.const;
  }
  if (shape.enum !== undefined) {
    return chance.pick(shape.enum);
  }
  const choices = shape.anyOf ?? shape.oneOf;
  if (choices !== undefined) {
    return valueOf(chance.pick(choices), making, depth);
  }
  if (shape.allOf !== undefined) {
    return Object.assign({}, ...shape.allOf.map((part) => valueOf(part, making, depth))) as unknown;
  }
  const types = typeof shape.type === "string" ? [shape.type] : (shape.type ?? []);
  switch (types.length === 0 ? "any" : chance.pick(types)) {
    case "object":
      return objectOf(shape, making, depth);
    case "array":
      return Array.from({ length: chance.int(0, 3) }, () => valueOf(shape.items ?? {}, making, depth + 1));
    case "string":
      return textOf(shape, making);
    case "integer":
      return chance.int(Math.max(shape.minimum ?? -5, -1e6), Math.min(shape.maximum ?? 1_000, 1e6));
    case "number":
      return chance.next() * 100;
    case "boolean":
      return chance.happens(0.5);
    case "null":
      return null;
    default:
      return depth > 3 ? 1 : chance.pick([...ODD, { a: [1, { b: null }] }]);
  }
}

function objectOf(shape: Shape, making: Making, depth: number): object {
  const { chance } = making;
  const value: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(shape.properties ?? {})) {
    const isRequired = shape.required?.includes(name) === true;
    if (chance.happens(isRequired ? 0.96 : 0.4)) {
      value[name] = valueOf(property, making, depth + 1);
    }
  }
  if (typeof shape.additionalProperties === "object") {
    for (let i = chance.int(0, 2); i > 0; i -= 1) {
      value[chance.pick(["A", "zone", "gpu", "LD_PRELOAD", "a b", ""])] = valueOf(
        shape.additionalProperties,
        making,
        depth + 1,
      );
    }
  }
  if (chance.happens(0.05)) {
    value[chance.pick(["uid", "workspaceId", "role", "__proto__x"])] = chance.pick(ODD);
  }
  return value;
}

function textOf(shape: Shape, { chance, known }: Making): string {
  if (shape.format === "date-time") {
    return new Date(1.79e12 + chance.int(-1e9, 1e9)).toISOString();
  }
  if (shape.format === "email") {
    return `person${chance.int(1, 999)}@example.org`;
  }
  const fitting = shape.pattern === undefined ? [] : known.filter((text) => new RegExp(shape.pattern ?? "").test(text));
  if (fitting.length > 0 && chance.happens(0.8)) {
    return chance.pick(fitting);
  }
  const length = Math.min(Math.max(chance.int(1, 20), shape.minLength ?? 0), shape.maxLength ?? 40);
  return Array.from({ length }, () => LETTERS.charAt(chance.int(0, LETTERS.length - 1))).join("");
}
