/**
 * What a schema asks of a text. The library would run the patterns of users, and formats that look things up again and
 * again, without any bound; so its texts are checked here, where the steps are counted.
 */
import { format as formats } from "@cfworker/json-schema";
import { compileRegex, type LinearRegex } from "./linear-regex.ts";
import { isObject } from "./schema-errors.ts";
import type { Json } from "@cronium/protocol/json";
import { SchemaFault } from "./schema-meter.ts";

/** Longest text that a format is looked for in; none of them is longer. */
const MAX_FORMAT_CHARS = 2_048;
/** Those of draft 2020-12 that are checked, all in time that grows no faster than the text's square. */
const CHECKED: ReadonlySet<string> = new Set([
  "date",
  "time",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uri",
  "uri-reference",
  "uuid",
  "json-pointer",
]);

export interface TextCheck {
  /** A sentence about the text; null when nothing is wrong. `spend` may throw. */
  why(text: string, spend: (steps: number) => void): string | null;
}

export const textKeywords = ["minLength", "maxLength", "pattern", "format"] as const;

/** Null when the schema asks nothing of texts. */
export function textCheckOf(schema: Json): TextCheck | null {
  if (!isObject(schema) || !textKeywords.some((keyword) => schema[keyword] !== undefined)) {
    return null;
  }
  const { minLength, maxLength, pattern, format } = schema;
  const min = typeof minLength === "number" ? minLength : 0;
  const max = typeof maxLength === "number" ? maxLength : Number.POSITIVE_INFINITY;
  const named = typeof format === "string" ? format : "";
  const regex = typeof pattern === "string" ? linear(pattern) : null;
  const isFormat = CHECKED.has(named) ? formats[named] : undefined;
  return {
    why: (text, spend) => {
      spend(text.length / 1_024);
      const length = max === Number.POSITIVE_INFINITY && min === 0 ? 0 : codePoints(text);
      if (length < min) {
        return `has ${length} characters; at least ${min} are needed`;
      }
      if (length > max) {
        return `has ${length} characters; at most ${max} are allowed`;
      }
      if (regex !== null && !regex.test(text, spend)) {
        return `does not match the pattern ${typeof pattern === "string" ? pattern : ""}`;
      }
      if (isFormat !== undefined) {
        spend(text.length / 16);
        if (text.length > MAX_FORMAT_CHARS || !isFormat(text)) {
          return `is not of the format ${named}`;
        }
      }
      return null;
    },
  };
}

function linear(pattern: string): LinearRegex {
  const compiled = compileRegex(pattern);
  if (!compiled.ok) {
    // Stored by a version that took it; an input cannot be held against it.
    throw new SchemaFault(`cannot be checked: the pattern ${pattern} ${compiled.message}`);
  }
  return compiled.regex;
}

function codePoints(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    length += code >= 0xdc00 && code <= 0xdfff ? 0 : 1;
  }
  return length;
}
