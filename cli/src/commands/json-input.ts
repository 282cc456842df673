/** JSON that a person hands over: on the command line, in a file, or on stdin. */
import { readFileSync } from "node:fs";
import { AppError } from "@cronium/protocol/errors";
import { type Json, parseStrictJson } from "@cronium/protocol/json";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";

/** Of `--<name>` or `--<name>-file` (`-` is stdin); undefined without either. */
export function jsonInput(input: Input, name: string): Json | undefined {
  const file = input.text(`${name}-file`);
  const typed = input.text(name);
  if (file !== undefined && typed !== undefined) {
    throw new ExitError("usage", `Both --${name} and --${name}-file are given.`, "Give one of them.");
  }
  if (file === undefined && typed === undefined) {
    return undefined;
  }
  const text = file === undefined ? (typed ?? "") : readText(file);
  return parseJson(text, file === undefined ? `--${name}` : file);
}

export function parseJson(text: string, what: string): Json {
  try {
    return parseStrictJson(text);
  } catch (cause) {
    const why = cause instanceof AppError ? cause.message : String(cause);
    throw new ExitError(
      "usage",
      `${what} is not usable JSON: ${why}`,
      `Quote it for the shell, such as '{"day":"monday"}' or '"text"'.`,
      { cause },
    );
  }
}

/** A file, or stdin for `-`. */
export function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (cause) {
    throw new ExitError(
      "usage",
      `${file === "-" ? "stdin" : file} cannot be read (${String((cause as NodeJS.ErrnoException).code)}).`,
      "Check the name of the file.",
      { cause },
    );
  }
}

/**
 * The input with the fields of `--set name=value`; a dot leads into an object. A value is JSON where it reads as JSON
 * (`3`, `true`, `["a"]`, `"3"` for the text), else text.
 */
export function withFields(base: Json | undefined, fields: readonly string[]): Json | undefined {
  if (fields.length === 0) {
    return base;
  }
  const root: Record<string, Json> = { ...objectOf(base, "The input") };
  for (const field of fields) {
    const [, path = "", text = ""] = /^([^=]+)=(.*)$/s.exec(field) ?? [];
    const names = path.split(".");
    if (path === "" || names.some((name) => ["", "__proto__", "constructor", "prototype"].includes(name))) {
      throw new ExitError("usage", `--set is ${JSON.stringify(field)}.`, "Give it as --set field=value.");
    }
    let at = root;
    for (const name of names.slice(0, -1)) {
      const inner: Record<string, Json> = { ...objectOf(at[name], `${path}: ${name}`) };
      at[name] = inner;
      at = inner;
    }
    at[names.at(-1) ?? ""] = valueOf(text);
  }
  return root;
}

function objectOf(value: Json | undefined, what: string): Readonly<Record<string, Json>> {
  if (value === undefined || value === null) {
    return {};
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new ExitError("usage", `${what} is no object, so --set has no place in it.`, "Give the whole --input.");
  }
  return value as Readonly<Record<string, Json>>;
}

function valueOf(text: string): Json {
  try {
    return parseStrictJson(text);
  } catch {
    return text;
  }
}
