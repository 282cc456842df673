/** Counts what it costs to hold one input against its schema, and ends it when it has cost enough: never by a clock. */
import type { Json } from "@cronium/protocol/json";

/** Steps for one input: a step is one look at a value through one schema, and somewhat more for large keywords. */
export const SCHEMA_STEPS = 200_000;
/** Under a schema; without one, keys are nobody's business. */
export const MAX_KEY_CHARS = 1_024;

export class SchemaFault extends Error {}

/** What bounds the cost of keywords that look at much at once. */
export interface InputFacts {
  readonly longestKey: number;
  /** Entries of the largest object or list. */
  readonly widest: number;
  /** The most comparisons, counted in values, that one list can need to be found free of repeats. */
  readonly dearestList: number;
  /** Whether any list holds the same value twice. */
  readonly repeats: () => boolean;
}

export class SchemaMeter {
  #left: number;

  constructor(steps = SCHEMA_STEPS) {
    this.#left = steps;
  }

  readonly spend = (steps: number): void => {
    this.#left -= steps;
    if (this.#left < 0) {
      throw new SchemaFault(`needs more than ${SCHEMA_STEPS} steps to be checked; send less, or simplify the schema`);
    }
  };
}

export function factsOf(input: Json): InputFacts {
  const facts = { longestKey: 0, widest: 0, dearestList: 0 };
  count(input, facts);
  let known: boolean | null = null;
  return {
    ...facts,
    repeats: () => {
      known ??= asText(input) === null;
      return known;
    },
  };
}

/** The value as text, equal for equal values; null when a list in it holds the same value twice. */
function asText(value: Json): string | null {
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    const texts = (value as readonly Json[]).map(asText);
    return texts.includes(null) || new Set(texts).size < texts.length ? null : `[${texts.join(",")}]`;
  }
  const entries = Object.entries(value as Readonly<Record<string, Json>>).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const texts = entries.map(([key, one]) => {
    const text = asText(one);
    return text === null ? null : `${JSON.stringify(key)}:${text}`;
  });
  return texts.includes(null) ? null : `{${texts.join(",")}}`;
}

/** Values in it, itself included. */
function count(value: Json, facts: { longestKey: number; widest: number; dearestList: number }): number {
  if (typeof value !== "object" || value === null) {
    return 1;
  }
  let values = 1;
  if (Array.isArray(value)) {
    for (const one of value as readonly Json[]) {
      values += count(one, facts);
    }
    facts.widest = Math.max(facts.widest, value.length);
    facts.dearestList = Math.max(facts.dearestList, value.length * values);
    return values;
  }
  const entries = Object.entries(value as Readonly<Record<string, Json>>);
  for (const [key, one] of entries) {
    facts.longestKey = Math.max(facts.longestKey, key.length);
    values += count(one, facts);
  }
  facts.widest = Math.max(facts.widest, entries.length);
  return values;
}
