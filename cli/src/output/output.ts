/** Where words go: data to stdout, talk to stderr. Colours only on a terminal, never with NO_COLOR. */
import { styleText } from "node:util";

export type Style = "red" | "green" | "yellow" | "blue" | "magenta" | "gray" | "bold";

export interface Output {
  readonly json: boolean;
  /** Data goes to a terminal. */
  readonly terminal: boolean;
  /** Columns of that terminal; null for a pipe or a file. */
  readonly width: number | null;
  /** Data, as it is. */
  write(text: string | Uint8Array): void;
  /** One line of data. */
  line(text: string): void;
  /** One JSON value: indented when it is the whole answer, one line in a stream. */
  value(value: unknown): void;
  item(value: unknown): void;
  /** One line for the person. */
  say(text: string): void;
  /** Colour for data. */
  style(style: Style, text: string): string;
  /** Colour for talk. */
  sayStyle(style: Style, text: string): string;
}

export function makeOutput(options: { readonly json: boolean }): Output {
  const { stdout, stderr } = process;
  return {
    json: options.json,
    terminal: stdout.isTTY,
    width: stdout.isTTY ? stdout.columns : null,
    write: (text) => void stdout.write(text),
    line: (text) => void stdout.write(`${text}\n`),
    value: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    item: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    style: (style, text) => styleText(style, text, { stream: stdout }),
    sayStyle: (style, text) => styleText(style, text, { stream: stderr }),
  };
}
