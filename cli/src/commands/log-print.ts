/** A log on its way to stdout: the bytes as they were printed, or one `LogLine` for each line. */
import type { LogFrame } from "@cronium/protocol/log-frame";
import type { LogLine } from "@cronium/protocol/api/runs";
import { LineSplitter } from "@cronium/protocol/log-lines";
import { InertText } from "../base/inert.ts";
import type { Output } from "../output/output.ts";

export interface LogPrinter {
  push(frame: LogFrame): void;
  end(): void;
}

export interface LogChoice {
  readonly stream: string | undefined;
  readonly attempt: number | undefined;
  /** Also on a terminal, the bytes as they are. */
  readonly raw: boolean;
}

/** `item` prints one line of the log in JSON. */
export function makeLogPrinter(out: Output, choice: LogChoice, item: (line: LogLine) => void): LogPrinter {
  return out.json ? jsonPrinter(choice, item) : plainPrinter(out, choice);
}

function jsonPrinter(choice: LogChoice, item: (line: LogLine) => void): LogPrinter {
  const splitter = new LineSplitter();
  const print = (lines: ReturnType<LineSplitter["end"]>): void => {
    for (const { line } of lines) {
      if (isWanted(choice, line)) {
        item(line);
      }
    }
  };
  return { push: (frame) => print(splitter.push(frame)), end: () => print(splitter.end()) };
}

function plainPrinter(out: Output, choice: LogChoice): LogPrinter {
  const isFiltered = out.terminal && !choice.raw;
  const decoder = new TextDecoder();
  const inert = new InertText();
  return {
    push: ({ header, payload }) => {
      if (!isWanted(choice, header)) {
        return;
      }
      if (header.gap !== undefined) {
        out.say(`[${header.gap.bytes} bytes are missing here: ${header.gap.reason}]`);
      } else {
        out.write(isFiltered ? inert.push(decoder.decode(payload, { stream: true })) : payload);
      }
    },
    end: () => {
      const rest = isFiltered ? inert.push(decoder.decode()) + inert.end() : "";
      if (rest !== "") {
        out.write(rest);
      }
    },
  };
}

function isWanted(choice: LogChoice, of: { readonly stream: string; readonly attempt: number }): boolean {
  return (choice.stream ?? of.stream) === of.stream && (choice.attempt ?? of.attempt) === of.attempt;
}
