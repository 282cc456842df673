/**
 * Mappings that people write over what arrived: JSONata, cut down to what cannot hurt the control plane.
 *
 * The library evaluates without end what asks for it, and its own time limit never fires in production, where clocks
 * stand still. So each node reports when it begins and what it gave: a step for itself, and steps for the size of its
 * value, however often parts of that are shared. What the library's own functions do with a value shows in none of that:
 * each call is charged by the size of what it is given. There are no regular expressions, and functions whose cost nobody
 * sees from their arguments do not exist. `mapping.test.ts` holds the bombs that would go off should a new version of the
 * library stop reporting.
 */
import type { Json } from "@cronium/protocol/json";
import { MAX_INPUT_BYTES } from "@cronium/protocol/limits";
import jsonata from "jsonata";
import { isFunction, type Native, withCost } from "./mapping-functions.ts";

export interface MappingFault {
  readonly ok: false;
  readonly message: string;
  /** Characters from 0; null where it is about no place. */
  readonly position: number | null;
}

export interface Mapping {
  /** Undefined of JSONata, which is no match, is null. */
  evaluate(data: Readonly<Record<string, Json>>): Promise<{ readonly ok: true; readonly value: Json } | MappingFault>;
}

export const MAPPING_STEPS = 20_000;
const MAX_TEXT = 1_048_576;
/** Values within one value, each counted as often as it would be written. */
const MAX_VALUES = 200_000;
const MAX_SEQUENCE = 10_000;
const MAX_STACK = 200;
const ENTRY = Symbol.for("jsonata.__evaluate_entry") as unknown as string;
const EXIT = Symbol.for("jsonata.__evaluate_exit") as unknown as string;

/** Cost that does not show in what they are given, answers that differ from time to time, or code out of data. */
const REMOVED = [
  "eval",
  "pad",
  "match",
  "replace",
  "distinct",
  "random",
  "shuffle",
  "now",
  "millis",
  "toMillis",
  "fromMillis",
  "formatNumber",
  "formatInteger",
  "formatBase",
  "parseInteger",
] as const;

/** Of the library's, with what a call of it costs. The rest only hand on what others have made, or do not exist. */
const METERED = [
  ...["sum", "count", "max", "min", "average", "substring", "substringBefore", "substringAfter", "lowercase"],
  ...["uppercase", "length", "trim", "contains", "split", "join", "number", "boolean", "not", "map", "zip", "filter"],
  ...["single", "reduce", "sift", "keys", "lookup", "append", "spread", "merge", "reverse", "each", "sort", "type"],
  ...["base64encode", "base64decode", "encodeUrlComponent", "encodeUrl", "decodeUrlComponent", "decodeUrl"],
  ...["string", "clone"],
] as const;

/** Steps for a call with `size` values or pieces of text; one is some microseconds of work. */
const COSTS: Readonly<Record<string, (size: number, text: number) => number>> = {
  // Compares by asking a function each time, n log n of them.
  sort: (size) => size * 4,
  // Copies what it has so far for each value.
  spread: (size) => (size * size) / 800,
  keys: (size) => size / 2,
  // Writes it, and reads what it has written.
  clone: (size) => size / 4,
  // Takes text apart into its characters first.
  length: (_, text) => text / 40,
  substring: (_, text) => text / 40,
};
/** For the call itself, where another function of the library makes it and no node tells of it. */
const CALL_COST = 0.5;
const USUAL_COST = (size: number): number => size / 16;
/** Walk through everything below a value. */
const WALKS: ReadonlySet<unknown> = new Set(["descendant", "wildcard"]);

class Ended extends Error {}

class NoRegex {
  constructor() {
    throw new Ended("regular expressions are not available here");
  }
}

/** Texts that were read without a fault; to read one takes longer than most take to evaluate. */
const sound = new Set<string>();
const MOST_SOUND = 1_000;

export function compileMapping(text: string): { readonly ok: true; readonly mapping: Mapping } | MappingFault {
  if (!sound.has(text)) {
    try {
      compile(text);
    } catch (error) {
      return fault(error);
    }
    if (sound.size >= MOST_SOUND) {
      sound.clear();
    }
    sound.add(text);
  }
  // The library keeps state of an evaluation in the compiled expression: each gets its own.
  return { ok: true, mapping: { evaluate: (data) => run(text, data) } };
}

function compile(text: string): ReturnType<typeof jsonata> {
  const options = { RegexEngine: NoRegex as unknown as RegExpConstructor, stack: MAX_STACK, sequence: MAX_SEQUENCE };
  const expression = jsonata(text, options);
  if (holdsRegex(expression.ast(), 0)) {
    throw new Ended("regular expressions are not available here");
  }
  for (const name of REMOVED) {
    expression.assign(name, undefined);
  }
  return expression;
}

function holdsRegex(node: unknown, depth: number): boolean {
  if (typeof node !== "object" || node === null || depth > 400) {
    return false;
  }
  return (
    (node as { type?: unknown }).type === "regex" ||
    Object.values(node).some((part: unknown) => holdsRegex(part, depth + 1))
  );
}

async function run(text: string, data: Readonly<Record<string, Json>>): ReturnType<Mapping["evaluate"]> {
  let steps = MAPPING_STEPS;
  // Kept only as long as nothing changes: what is a copy may be changed in place, by the operator `| … | … |`.
  const kept = new WeakMap<object, number>();
  let copied = false;
  const sizes = (): WeakMap<object, number> => (copied ? new WeakMap() : kept);
  let over: Ended | null = null;
  const spend = (some: number): void => {
    steps -= some;
    if (steps < 0 || over !== null) {
      over ??= new Ended(`it needs more than ${MAPPING_STEPS} steps for this data`);
      throw over;
    }
  };
  const weigh = (value: unknown): void => {
    const size = sizeOf(value, sizes());
    if (size > MAX_VALUES || (typeof value === "string" && value.length > MAX_TEXT)) {
      over ??= new Ended("it makes a value that is too large");
      throw over;
    }
    spend(typeof value === "string" ? value.length / 1_024 : size / (copied ? 32 : 256));
  };
  try {
    const expression = compile(text);
    const charge = (name: string, args: readonly unknown[]): void => {
      const size = args.reduce((sum: number, one) => sum + sizeOf(one, sizes()), 0);
      const text = typeof args[0] === "string" ? args[0].length : 0;
      if (size > MAX_VALUES) {
        over ??= new Ended("it makes a value that is too large");
        throw over;
      }
      spend(CALL_COST + (COSTS[name] ?? USUAL_COST)(size, text));
      // Written over lines, each value stands behind as many blanks as it lies deep.
      if (name === "string" && args[1] === true) {
        spend((size * depthOf(args[0])) / 16);
      }
    };
    let metered = false;
    expression.assign(ENTRY, (_node: unknown, _input: unknown, environment: { lookup(name: string): unknown }) => {
      if (!metered) {
        metered = true;
        for (const name of METERED) {
          const before = (args: readonly unknown[]): void => {
            charge(name, args);
            copied ||= name === "clone";
          };
          expression.assign(name, withCost(environment.lookup(name) as Native, before));
        }
      }
      spend(1);
    });
    expression.assign(EXIT, (node: { type?: unknown }, _input: unknown, _environment: unknown, value: unknown) => {
      weigh(value);
      if (WALKS.has(node.type)) {
        spend(sizeOf(value, sizes()) / 4);
      }
    });
    const value: unknown = await expression.evaluate(data);
    if (over !== null) {
      return fault(over);
    }
    return plain(value, sizes());
  } catch (error) {
    return fault(over ?? error);
  }
}

/** As JSON, without what the library hangs onto lists; a function is no value. */
function plain(
  value: unknown,
  sizes: WeakMap<object, number>,
): { readonly ok: true; readonly value: Json } | MappingFault {
  if (sizeOf(value, sizes) > MAX_VALUES) {
    return { ok: false, message: "it makes a value that is too large", position: null };
  }
  const text = JSON.stringify(value ?? null, (_key, one: unknown) => {
    if (isFunction(one)) {
      throw new Ended("it gives a function");
    }
    return one;
  });
  if (text.length > MAX_INPUT_BYTES) {
    return { ok: false, message: `it gives more than ${MAX_INPUT_BYTES} characters of JSON`, position: null };
  }
  return { ok: true, value: JSON.parse(text) as Json };
}

/** Values in it, shared ones counted each time; texts count by their length. */
function sizeOf(value: unknown, sizes: WeakMap<object, number>): number {
  if (typeof value === "string") {
    return 1 + value.length / 256;
  }
  if (typeof value !== "object" || value === null) {
    return 1;
  }
  if (isFunction(value)) {
    return 1;
  }
  const known = sizes.get(value);
  if (known !== undefined) {
    return known;
  }
  // Something that holds itself counts once, and is refused when it is written.
  sizes.set(value, 1);
  let size = 1;
  for (const one of Array.isArray(value) ? (value as readonly unknown[]) : Object.values(value)) {
    size += sizeOf(one, sizes);
  }
  sizes.set(value, size);
  return size;
}

/** How deep lists and objects lie within one another; of something that holds itself without end, which is a fault. */
function depthOf(value: unknown): number {
  return typeof value !== "object" || value === null || isFunction(value)
    ? 0
    : 1 + Object.values(value).reduce((most: number, one) => Math.max(most, depthOf(one)), 0);
}

function fault(error: unknown): MappingFault {
  const { message = "", position, code } = (error ?? {}) as { message?: string; position?: number; code?: string };
  const said = message.startsWith("Converting circular structure") ? "it makes a value that holds itself" : message;
  const why = code === "T1006" ? `${said} (the function may not be available here)` : said;
  const cut = why.length > 200 ? `${why.slice(0, 199)}…` : why;
  return {
    ok: false,
    message: (cut === "" ? String(error) : cut).replaceAll(/\p{Cc}/gu, " "),
    position: typeof position === "number" ? position : null,
  };
}
