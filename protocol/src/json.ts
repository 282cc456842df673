/**
 * Strict JSON, the same in Worker, runner and sidecar.
 *
 * `JSON.parse` keeps the last of two equal keys, sets `__proto__` as an own key and recurses without a limit; two
 * readers of the same bytes can then disagree. This reader refuses all of that and says where.
 */
import * as z from "zod";
import { AppError } from "./errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Any JSON value; used for inputs and outputs, whose shape belongs to the user. What is checked here came out of a JSON
 * reader, so only its presence is left to check: walking a megabyte of input again would be work for nothing.
 */
export const JsonValue: z.ZodType<Json> = z
  .unknown()
  .refine((value) => value !== undefined, { message: "must be a JSON value" }) as unknown as z.ZodType<Json>;

/** Deepest nesting of arrays and objects that is read. */
export const MAX_JSON_DEPTH = 64;
/** Keys and array elements in one document. */
export const MAX_JSON_NODES = 200_000;

/** Values that a level around another value may hold beside it. */
const VALUES_AROUND = 20;
/** Engines copy pieces of a text up to this length, and let longer ones point into it. */
const SHORT_PIECE = 13;
const WORDS = [
  ["null", null],
  ["true", true],
  ["false", false],
] as const;

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Reads one JSON value.
 *
 * Throws `AppError` with `invalid_json` (position in characters, 0-based), `duplicate_key`, `too_deep`,
 * `forbidden_key` or `out_of_range` (JSON pointer): the latter for numbers that would not come out as they went in.
 *
 * `around`: levels of nesting, each with a few values, that the value will have around it where it is read next; 0 by
 * default.
 */
export function parseStrictJson(text: string, around = 0): Json {
  return new Reader(text).document(around);
}

class Reader {
  private readonly text: string;
  private at = 0;
  private nodes = 0;
  private readonly path: (string | number)[] = [];

  constructor(text: string) {
    this.text = text;
  }

  document(around: number): Json {
    this.nodes = around * VALUES_AROUND;
    if (this.text.charCodeAt(0) === 0xfeff) {
      this.fail("starts with a byte order mark");
    }
    this.space();
    const value = this.value(around);
    this.space();
    if (this.at < this.text.length) {
      this.fail("has something after the value");
    }
    return value;
  }

  private value(depth: number): Json {
    this.nodes += 1;
    if (this.nodes > MAX_JSON_NODES) {
      throw new AppError("too_deep", `The JSON holds more than ${MAX_JSON_NODES} values.`);
    }
    const char = this.text[this.at];
    if (char === "{") {
      return this.object(depth + 1);
    }
    if (char === "[") {
      return this.array(depth + 1);
    }
    if (char === '"') {
      return this.string();
    }
    return this.scalar();
  }

  private object(depth: number): Json {
    this.checkDepth(depth);
    const result: Record<string, Json> = {};
    const seen = new Set<string>();
    this.at += 1;
    this.space();
    if (this.take("}")) {
      return result;
    }
    do {
      this.space();
      const start = this.at;
      if (this.text[this.at] !== '"') {
        this.fail("needs a key in double quotes");
      }
      const key = this.string();
      this.path.push(key);
      if (FORBIDDEN_KEYS.has(key)) {
        throw new AppError("forbidden_key", `The key "${key}" at ${this.pointer()} is not accepted.`, {
          errors: [{ pointer: this.pointer(), code: "forbidden_key", message: `"${key}" is not accepted as a key` }],
        });
      }
      if (seen.has(key)) {
        throw new AppError("duplicate_key", `The key at ${this.pointer()} (character ${start}) appears twice.`, {
          errors: [{ pointer: this.pointer(), code: "duplicate_key", message: "appears twice" }],
        });
      }
      seen.add(key);
      this.space();
      if (!this.take(":")) {
        this.fail("needs a colon after the key");
      }
      this.space();
      result[key] = this.value(depth);
      this.path.pop();
      this.space();
    } while (this.take(","));
    if (!this.take("}")) {
      this.fail("needs a comma or a closing brace");
    }
    return result;
  }

  private array(depth: number): Json {
    this.checkDepth(depth);
    const result: Json[] = [];
    this.at += 1;
    this.space();
    if (this.take("]")) {
      return result;
    }
    do {
      this.space();
      this.path.push(result.length);
      result.push(this.value(depth));
      this.path.pop();
      this.space();
    } while (this.take(","));
    if (!this.take("]")) {
      this.fail("needs a comma or a closing bracket");
    }
    return result;
  }

  private string(): string {
    const start = this.at;
    let end = start + 1;
    let isPlain = true;
    for (;;) {
      const code = this.text.charCodeAt(end);
      if (Number.isNaN(code)) {
        this.at = start;
        this.fail("has a string that does not end");
      }
      if (code < 0x20) {
        this.at = end;
        this.fail("has a control character in a string");
      }
      if (code === 0x22) {
        break;
      }
      if (code === 0x5c) {
        isPlain = false;
        end += 1;
      } else if (code >= 0xd800) {
        isPlain = false;
      }
      end += 1;
    }
    // Longer pieces would keep the whole text in memory for as long as they live.
    if (isPlain && end - start < SHORT_PIECE) {
      this.at = end + 1;
      return this.text.slice(start + 1, end);
    }
    const raw = this.text.slice(start, end + 1);
    let value: string;
    try {
      value = JSON.parse(raw) as string;
    } catch {
      this.fail("has a bad escape in a string");
    }
    if (!isWellFormed(value)) {
      this.fail("has a lone surrogate in a string");
    }
    this.at = end + 1;
    return value;
  }

  private scalar(): Json {
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const match = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(this.text.slice(this.at, this.at + 400));
    if (match === null) {
      this.fail(this.at >= this.text.length ? "ends too early" : "has an unexpected character");
    }
    const token = match[0];
    const value = JSON.parse(token) as number;
    if (!Number.isFinite(value)) {
      this.refuse("is beyond what a number can hold");
    }
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(token)) {
      this.refuse("is an integer beyond 2^53, which would lose digits; send it as a string");
    }
    if (token === "-0") {
      this.refuse("is -0, which no integer is; send 0");
    }
    this.at += token.length;
    return value;
  }

  private checkDepth(depth: number): void {
    if (depth > MAX_JSON_DEPTH) {
      throw new AppError("too_deep", `The JSON nests deeper than ${MAX_JSON_DEPTH} levels at character ${this.at}.`);
    }
  }

  private take(char: string): boolean {
    if (this.text[this.at] === char) {
      this.at += 1;
      return true;
    }
    return false;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) {
        return;
      }
      this.at += 1;
    }
  }

  private pointer(): string {
    return this.path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  }

  private refuse(what: string): never {
    const pointer = this.pointer();
    throw new AppError(
      "out_of_range",
      `The number at ${pointer === "" ? "the top" : pointer} ${what} (character ${this.at}).`,
      {
        errors: [{ pointer, code: "out_of_range", message: what }],
        context: { position: this.at },
      },
    );
  }

  private fail(what: string): never {
    throw new AppError("invalid_json", `The JSON ${what}, at character ${this.at}.`, {
      context: { position: this.at },
    });
  }
}

function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text);
}
