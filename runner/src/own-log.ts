/** The runner's own log: to stderr or a file, with its newest lines kept for `status` and `logs`. */
import { systemClock } from "./base/clock.ts";
import { ExitError } from "./base/exit-error.ts";
import { errorText, type Log, makeLog } from "./base/log.ts";
import { LogTail } from "./base/log-tail.ts";
import { RotatingFile } from "./base/rotating-file.ts";
import type { Config } from "./config.ts";

const TAIL_CHARS = 262_144;
const PROBLEM_CHARS = 16_384;

export interface OwnLog {
  readonly log: Log;
  readonly tail: LogTail;
  /** Warnings and errors: the time, a space, and the line. */
  readonly problems: LogTail;
}

/** Throws `ExitError` when the file cannot be written. */
export function makeOwnLog(config: Config, terminal: boolean): OwnLog {
  const tail = new LogTail(TAIL_CHARS);
  const problems = new LogTail(PROBLEM_CHARS);
  const file = openFile(config);
  const log = makeLog({
    level: config.logLevel,
    format: terminal && file === null ? "text" : "json",
    write: (line, level) => {
      if (file === null) {
        process.stderr.write(`${line}\n`);
      } else {
        file.write(line);
      }
      tail.add({ stream: level, text: line });
      if (level === "warn" || level === "error") {
        problems.add({ stream: level, text: `${new Date(systemClock.now()).toISOString()} ${withoutTime(line)}` });
      }
    },
    now: () => systemClock.now(),
  });
  return { log, tail, problems };
}

/** The time and level of the line are said beside it. */
function withoutTime(line: string): string {
  return line.replace(/^\{"at":"[^"]*","level":"\w+",/, "{").replace(/^[\d:.]{12} \w+ +/, "");
}

function openFile({ logFile }: Config): RotatingFile | null {
  if (logFile === null) {
    return null;
  }
  try {
    return new RotatingFile(logFile);
  } catch (error) {
    const next = "Choose a file that this user may write with --log-file.";
    throw new ExitError("usage", `The log file ${logFile.path} cannot be written: ${errorText(error)}`, next, {
      cause: error,
    });
  }
}
