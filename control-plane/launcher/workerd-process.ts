/**
 * Keeps one workerd running: starts it, starts it again after a crash with growing pauses, stops it.
 *
 * workerd reports the port it listens on through a pipe of its own (`--control-fd`). On SIGTERM it waits for open
 * sockets, of which runners always have one, so it is killed after a grace period; that loses nothing, because all
 * that was answered is on disk.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { LauncherError } from "./launcher-error.ts";

const START_DEADLINE_MS = 30_000;
const STOP_GRACE_MS = 1_500;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** A run of this length counts as healthy: the next crash starts with the shortest pause again. */
const HEALTHY_MS = 60_000;
const TAIL_LINES = 15;

export interface WorkerdOptions {
  /** Writes the configuration for this port and answers its path. */
  readonly config: (port: number) => string;
  /** 0 takes a free port, which later restarts keep. */
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  readonly onStart: (pid: number, port: number) => void;
  readonly onCrash: (what: string, pauseMs: number) => void;
}

export interface Workerd {
  readonly port: number;
  /** The last lines that it printed. */
  tail(): string;
  /** Ends it and starts it again at once, with bundles and files as they are now. */
  restart(): void;
  /** Ends it for good. */
  stop(): Promise<void>;
}

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  readonly tail: readonly string[];
  /** Resolves with what ended it. */
  readonly ended: Promise<string>;
}

export async function runWorkerd(options: WorkerdOptions): Promise<Workerd> {
  let current = await startOnce(options, options.port);
  const { port } = current;
  const stopping = new AbortController();
  let isRestart = false;
  let pauseMs = FIRST_PAUSE_MS;
  const supervision = supervise();
  return {
    port,
    tail: () => current.tail.join("\n"),
    restart() {
      isRestart = true;
      current.child.kill("SIGKILL");
    },
    async stop() {
      stopping.abort();
      current.child.kill("SIGTERM");
      const kill = setTimeout(() => current.child.kill("SIGKILL"), STOP_GRACE_MS);
      await supervision;
      clearTimeout(kill);
    },
  };

  async function supervise(): Promise<void> {
    while (!stopping.signal.aborted) {
      const begin = performance.now();
      const what = await current.ended;
      if (performance.now() - begin > HEALTHY_MS) {
        pauseMs = FIRST_PAUSE_MS;
      }
      await startAgain(what);
    }
    current.child.kill("SIGKILL");
  }

  /** Until it works, or until it is to stop. */
  async function startAgain(what: string): Promise<void> {
    let failure = what;
    while (!stopping.signal.aborted) {
      if (isRestart) {
        isRestart = false;
      } else {
        options.onCrash(failure, pauseMs);
        await pause(pauseMs, stopping.signal);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        if (stopping.signal.aborted) {
          return;
        }
      }
      try {
        current = await startOnce(options, port);
        return;
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
    }
  }
}

/** What workerd itself goes by: where programs are, and whose certificates are trusted beside those that it knows. */
function inherited(): Record<string, string> {
  const names = ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function startOnce(options: WorkerdOptions, port: number): Promise<Started> {
  const child = spawn(
    workerdBinary(),
    ["serve", "--control-fd=3", options.config(port), "config"],
    // Only what the configuration names reaches the Worker; the rest of this environment is not its business.
    { env: { ...options.env, ...inherited() }, stdio: ["ignore", "pipe", "pipe", "pipe"] },
  );
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) {
      createInterface({ input: stream }).on("line", (line) => {
        options.log(line);
        tail.push(line);
        tail.splice(0, tail.length - TAIL_LINES);
      });
    }
  }
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`workerd could not be started: ${error.message}`));
    child.on("exit", (code, signal) =>
      resolve(signal === null ? `workerd ended with exit code ${code}` : `workerd was ended by ${signal}`),
    );
  });
  const listening = await Promise.race([listenPort(child.stdio[3] as Readable), ended]);
  if (typeof listening === "string") {
    throw new LauncherError(`${listening}. The end of its log:\n${tail.join("\n")}`);
  }
  if (listening === null) {
    child.kill("SIGKILL");
    throw new LauncherError(
      `workerd does not listen after ${START_DEADLINE_MS} ms. The end of its log:\n${tail.join("\n")}`,
    );
  }
  options.onStart(child.pid ?? 0, listening);
  return { child, port: listening, tail, ended };
}

/** Null when nothing was reported in time, or the pipe ended. */
function listenPort(control: Readable): Promise<number | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), START_DEADLINE_MS);
    createInterface({ input: control }).on("line", (line) => {
      const message = JSON.parse(line) as { event?: string; port?: number };
      if (message.event === "listen" && message.port !== undefined) {
        clearTimeout(timer);
        resolve(message.port);
      }
    });
    control.on("error", () => undefined);
  });
}

function workerdBinary(): string {
  const found: unknown = createRequire(import.meta.url)("workerd");
  return (found as { default: string }).default;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
