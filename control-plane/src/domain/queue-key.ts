/** Keys by which runs share places, and triggers are gathered: the value at a place of the input, or of an expression. */
import type { Event } from "@cronium/protocol";
import type { FieldError } from "@cronium/protocol/errors";
import type { Json } from "@cronium/protocol/json";
import type { Refusal } from "./dispatcher.ts";
import { compileExpression, type Expression, type ExpressionFault } from "./expression.ts";
import { keyAt } from "./json-pointer.ts";

/** Longest key, in characters of JSON. */
export const MAX_KEY_CHARS = 512;

/** Where a key comes from. */
export type KeySource =
  | { readonly pointer: string; readonly expression?: undefined }
  | { readonly pointer?: undefined; readonly expression: string };

type Queueing = Pick<Event, "concurrencyKey" | "debounce">;

/** Null where the event has no such key. */
export function concurrencySource({ concurrencyKey }: Pick<Queueing, "concurrencyKey">): KeySource | null {
  if (concurrencyKey?.expression !== undefined) {
    return { expression: concurrencyKey.expression };
  }
  return concurrencyKey?.pointer === undefined ? null : { pointer: concurrencyKey.pointer };
}

export function debounceSource({ debounce }: Pick<Queueing, "debounce">): KeySource | null {
  const key = debounce?.key ?? null;
  return typeof key === "string" ? { pointer: key } : key;
}

/** As people read it. */
export function sourceText(source: KeySource): string {
  return source.pointer ?? source.expression;
}

/** What is wrong with the expressions of an event that is being saved. */
export function expressionErrors(change: {
  readonly concurrencyKey?: Queueing["concurrencyKey"] | undefined;
  readonly debounce?: Queueing["debounce"] | undefined;
}): FieldError[] {
  const sources = [
    ["/concurrencyKey/expression", concurrencySource({ concurrencyKey: change.concurrencyKey ?? null })],
    ["/debounce/key/expression", debounceSource({ debounce: change.debounce ?? null })],
  ] as const;
  return sources.flatMap(([pointer, source]) => {
    const compiled = source?.expression === undefined ? null : compileExpression(source.expression, ["input"]);
    if (compiled === null || compiled.ok) {
      return [];
    }
    return [{ pointer, code: "invalid_expression" as const, message: `is not accepted: ${atCharacter(compiled)}` }];
  });
}

/** Compiled expressions, by their text. */
export type Expressions = Map<string, Expression>;

/** Beyond this many, all are compiled again when they are needed. */
const MOST_EXPRESSIONS = 500;

/**
 * The key as text, equal for equal values; null for an input that gives none. Refuses a key that is too long, and an
 * expression that has no value for this input, by name.
 */
export function keyOf(
  expressions: Expressions,
  source: KeySource | null,
  input: Json,
): { readonly ok: true; readonly key: string | null } | Refusal {
  if (source === null) {
    return { ok: true, key: null };
  }
  if (source.pointer !== undefined) {
    return notTooLong(`/input${source.pointer}`, source.pointer, keyAt(input, source.pointer));
  }
  const { expression: text } = source;
  let expression = expressions.get(text);
  if (expression === undefined) {
    const compiled = compileExpression(text, ["input"]);
    if (!compiled.ok) {
      return failed(text, compiled);
    }
    if (expressions.size >= MOST_EXPRESSIONS) {
      expressions.clear();
    }
    ({ expression } = compiled);
    expressions.set(text, expression);
  }
  const result = expression.evaluate({ input });
  if (!result.ok) {
    return failed(text, result);
  }
  const { value } = result;
  const key = value === null ? null : typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return notTooLong("/input", text, key);
}

function notTooLong(pointer: string, what: string, key: string | null): ReturnType<typeof keyOf> {
  if (key === null || key.length <= MAX_KEY_CHARS) {
    return { ok: true, key };
  }
  const message = `gives a key of ${key.length} characters of JSON; it must have at most ${MAX_KEY_CHARS}`;
  const errors = [{ pointer, code: "out_of_range" as const, message }];
  return { ok: false, code: "out_of_range", message: `${what} ${message}.`, errors };
}

function failed(text: string, fault: ExpressionFault): Refusal {
  const message = `does not suit the expression ${text}: ${atCharacter(fault)}`;
  const errors = [{ pointer: "/input", code: "expression_failed" as const, message }];
  return { ok: false, code: "expression_failed", message: `/input ${message}.`, errors };
}

function atCharacter({ message, position }: ExpressionFault): string {
  return `${message} (at character ${position})`;
}
