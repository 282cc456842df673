import { spawn } from "node:child_process";
import { setPriority } from "node:os";

export interface CommandResult {
  /** Exit code; 127 where the program does not exist, 128 where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  /** Both streams in the order they arrived. */
  readonly output: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Milliseconds until the program is killed; default none. */
  readonly timeoutMs?: number;
  /** How much it lets others go first, from 0 to 19; default 0. */
  readonly niceness?: number;
  /** Called with every chunk as it arrives, to show it while the program runs. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a program with an argument array, never through a shell, and collects what it prints. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    if (options.niceness !== undefined && child.pid !== undefined) {
      setPriority(child.pid, options.niceness);
    }
    let stdout = "";
    let output = "";
    const collect = (text: string): void => {
      output += text;
      options.onOutput?.(text);
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      collect(text);
    });
    child.stderr?.setEncoding("utf8").on("data", collect);
    child.stdin?.end(options.input);
    let timer: NodeJS.Timeout | undefined;
    if (options.timeoutMs !== undefined) {
      timer = setTimeout(() => {
        collect(`\nstopped after ${options.timeoutMs} ms\n`);
        child.kill("SIGKILL");
      }, options.timeoutMs);
    }
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: 127, stdout, output: `${output}${error.message}` });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 128, stdout, output });
    });
  });
}

/** The last lines of a long output, for an error message. */
export function lastLines(text: string, count = 15): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Escape sequences that colour a terminal. */
const COLOURS = /\u001B\[[\d;]*m/gu;

/** The text without colours, for reports that are read as plain text. */
export function withoutColours(text: string): string {
  return text.replaceAll(COLOURS, "");
}
