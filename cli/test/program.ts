/** The program as a person or a script starts it, with a home folder of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dirname, "..", "src", "main.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  readonly stderr: () => string;
  readonly stdout: () => string;
}

export interface Home {
  readonly folder: string;
  /** Runs one command to its end. */
  readonly run: (args: readonly string[], options?: Options) => Promise<Ended>;
  /** What one command with `--json` prints. Throws where it fails. */
  readonly json: <T>(args: readonly string[], stdin?: string) => Promise<T>;
  readonly start: (args: readonly string[], options?: Options) => Running;
  readonly remove: () => void;
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** `env` is what every command of this home gets. */
export function makeHome(env: Readonly<Record<string, string>> = {}): Home {
  const folder = mkdtempSync(join(tmpdir(), "cronium-home-"));
  const start = (args: readonly string[], options: Options = {}): Running => {
    const { PATH = "", NODE_V8_COVERAGE } = process.env;
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: options.cwd ?? folder,
      env: {
        PATH,
        HOME: folder,
        XDG_CONFIG_HOME: join(folder, "config"),
        ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }),
        ...env,
        ...options.env,
      },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => undefined).end(options.stdin ?? "");
    const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
    return { child, ended, stderr: () => stderr, stdout: () => stdout };
  };
  return {
    folder,
    start,
    run: (args, options) => start(args, options).ended,
    json: async <T>(args: readonly string[], stdin = "") => {
      const ended = await start([...args, "--json"], { stdin }).ended;
      if (ended.code !== 0) {
        throw new Error(`${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
      }
      return JSON.parse(ended.stdout) as T;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
