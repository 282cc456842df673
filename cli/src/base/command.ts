/**
 * What a command is: declared as data, so that help, completion and the test of `docs/cli.md` read the same table, and
 * with the code that does it behind an import, so that starting loads no more than is used.
 */
import type { Input } from "./input.ts";

export interface Option {
  /** As it is typed and shown: `--limit <n>`, `-f, --follow`. */
  readonly flags: string;
  readonly about: string;
  /** May be given several times. */
  readonly many?: boolean;
  /** The values that it takes, for help, completion and refusing others. */
  readonly choices?: readonly string[];
}

export interface Leaf<Context> {
  readonly name: string;
  readonly about: string;
  /** `<run>` is required, `[page]` is not. */
  readonly args?: readonly string[];
  readonly options?: readonly Option[];
  /** Loads what does it. The answer is the exit code; nothing is 0. */
  readonly load: () => Promise<(context: Context, input: Input) => Promise<number | void>>;
}

export interface Noun<Context> {
  readonly name: string;
  readonly about: string;
  readonly verbs: readonly Leaf<Context>[];
}

export type Command<Context> = Leaf<Context> | Noun<Context>;

export function isNoun<Context>(command: Command<Context>): command is Noun<Context> {
  return "verbs" in command;
}

/** Of every command. */
export const globalOptions: readonly Option[] = [
  { flags: "--profile <name>", about: "profile to use (CRONIUM_PROFILE)" },
  { flags: "--url <url>", about: "address of the control plane (CRONIUM_URL)" },
  { flags: "--token-file <file>", about: "file that holds the API key (CRONIUM_TOKEN_FILE, CRONIUM_TOKEN)" },
  { flags: "--workspace <id>", about: "refuse to act on any other workspace (CRONIUM_WORKSPACE)" },
  { flags: "--json", about: "print JSON; streams print one object on each line" },
  { flags: "--no-input", about: "never ask" },
  { flags: "-y, --yes", about: "answer every question with yes" },
];

/** `follow` of `-f, --follow`, `token-file` of `--token-file <file>`, `input` of `--no-input`. */
export function optionName({ flags }: Option): string {
  return /--(?:no-)?([a-z-]+)/.exec(flags)?.[1] ?? "";
}
