/**
 * Reads the text of a `.env` file, strictly: what one reader takes for a comment and another for a value would end up as
 * a wrong secret, so whatever is in doubt is an error, and all errors are told at once.
 *
 *     # a comment                      an empty line and one that begins with # say nothing
 *     export NAME=value                `export` may stand before; spaces around the value do not count
 *     NAME=value # why                 a # after a space begins a comment
 *     NAME='as it $is'                 nothing in single quotes means anything; may go over several lines
 *     NAME="a\nb"                      in double quotes \n \r \t \" \\ \$ mean what they do in a shell; several lines too
 */
import { envNameProblem } from "@cronium/protocol/env-name";

export interface EnvEntry {
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export interface EnvProblem {
  readonly line: number;
  /** What is wrong, never with the value. */
  readonly message: string;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

export function readEnvFile(text: string): {
  readonly entries: readonly EnvEntry[];
  readonly problems: readonly EnvProblem[];
} {
  const lines = text
    .replace(/^\ufeff/, "")
    .replaceAll(/\r\n?/g, "\n")
    .split("\n");
  const entries: EnvEntry[] = [];
  const problems: EnvProblem[] = [];
  const firstLine = new Map<string, number>();
  for (let at = 0; at < lines.length; at += 1) {
    const line = at + 1;
    const content = (lines[at] ?? "").trim();
    if (content === "" || content.startsWith("#")) {
      continue;
    }
    const match = /^(?:export\s+)?([^=\s]*)\s*=\s*(.*)$/s.exec(content);
    if (match === null) {
      problems.push({ line, message: "is not of the form NAME=value" });
      continue;
    }
    const [, name = "", start = ""] = match;
    const quote = start.charAt(0);
    let value: string | null;
    if (quote === "'" || quote === '"') {
      // Within quotes every character counts, so the line is taken as it stands from the quote on.
      const own = lines[at] ?? "";
      const rest = [own.slice(own.indexOf(quote, own.indexOf("=") + 1)), ...lines.slice(at + 1)];
      const read = readQuoted(rest, quote);
      if ("message" in read) {
        problems.push({ line, message: read.message });
        at += read.taken - 1;
        continue;
      }
      ({ value } = read);
      at += read.taken - 1;
    } else {
      value = start.replace(/(?:^|\s+)#.*$/s, "").trim();
    }
    const problem = envNameProblem(name);
    const first = firstLine.get(name);
    if (problem !== null) {
      problems.push({ line, message: `names ${JSON.stringify(name.slice(0, 80))}, which ${problem.message}` });
    } else if (first !== undefined) {
      problems.push({ line, message: `names ${name} again; it is on line ${first} already` });
    } else {
      entries.push({ name, value, line });
      firstLine.set(name, line);
    }
  }
  return { entries, problems };
}

type Quoted = { readonly value: string; readonly taken: number } | { readonly message: string; readonly taken: number };

/** `lines` begin with the quote; `taken` is how many of them the value goes over. */
function readQuoted(lines: readonly string[], quote: string): Quoted {
  const text = lines.join("\n");
  let value = "";
  for (let at = 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === quote) {
      const taken = text.slice(0, at).split("\n").length;
      const rest = (lines[taken - 1] ?? "").slice(at - text.lastIndexOf("\n", at) - 1).replace(quote, "");
      return /^\s*(?:#.*)?$/.test(rest) ? { value, taken } : { message: "goes on after the closing quote", taken };
    }
    if (char === "\\" && quote === '"') {
      at += 1;
      const escaped = ESCAPES[text.charAt(at)];
      if (escaped === undefined) {
        return { message: String.raw`holds a backslash before something else than n, r, t, ", \ or $`, taken: 1 };
      }
      value += escaped;
    } else {
      value += char;
    }
  }
  return { message: "opens a quote that is never closed", taken: 1 };
}
