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
