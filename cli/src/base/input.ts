/** What was typed after a command, read strictly: a wrong value ends the program with its flag named. */
import { ExitError } from "./exit-error.ts";

export class Input {
  readonly #args: readonly string[];
  readonly #flags: Readonly<Record<string, unknown>>;

  constructor(args: readonly string[], flags: Readonly<Record<string, unknown>>) {
    this.#args = args;
    this.#flags = flags;
  }

  /** The argument at this place; the parser has made sure that required ones are there. */
  arg(index: number): string {
    return this.#args[index] ?? "";
  }

  /** An argument that may be left out. */
  maybeArg(index: number): string | undefined {
    return this.#args[index];
  }

  text(name: string): string | undefined {
    const value = this.#flags[camel(name)];
    return typeof value === "string" ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#flags[camel(name)];
    return Array.isArray(value) ? (value as string[]) : [];
  }

  /** Whether a flag without a value was given. `--no-input` is `!flag("input")`. */
  flag(name: string): boolean {
    return this.#flags[camel(name)] === true;
  }

  /** Of a pair such as `--reuse` and `--no-reuse`; undefined when neither was given. */
  choice(name: string): boolean | undefined {
    const value = this.#flags[camel(name)];
    return typeof value === "boolean" ? value : undefined;
  }

  number(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) {
      return undefined;
    }
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new ExitError(
        "usage",
        `--${name} is ${JSON.stringify(text)}.`,
        `Give a whole number from ${least} to ${most}.`,
      );
    }
    return value;
  }

  /** `--based-on`: the version that a change is based on, as `If-Match` takes it; undefined when not given. */
  basedOn(): number | undefined {
    return this.number("based-on", 1, 999_999_999);
  }

  /** Milliseconds of `30s`, `5m`, `2h`, `7d`, `500ms`. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) {
      return undefined;
    }
    const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
    const unit = UNITS[match?.[2] ?? ""];
    if (match === null || unit === undefined) {
      throw new ExitError(
        "usage",
        `--${name} is ${JSON.stringify(text)}.`,
        "Give a time with its unit, such as 30s, 5m, 2h or 7d.",
      );
    }
    return Number(match[1]) * unit;
  }

  /** `key=value` pairs as an object. */
  pairs(name: string): Record<string, string> {
    const found: Record<string, string> = {};
    for (const pair of this.list(name)) {
      const cut = pair.indexOf("=");
      if (cut < 1) {
        throw new ExitError("usage", `--${name} is ${JSON.stringify(pair)}.`, `Give it as --${name} key=value.`);
      }
      found[pair.slice(0, cut)] = pair.slice(cut + 1);
    }
    return found;
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
