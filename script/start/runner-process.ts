/** Runs the runner of this machine as a child, and starts it again when it ends by itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../repository.ts";
import { callApi, type ApiAccess } from "./api.ts";
import { runnerLog } from "./runner-log.ts";

const RUNNER = join(ROOT, "runner/dist/main.js");
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const HEALTHY_MS = 60_000;
/** How long running jobs may finish after the first request to stop; then the runner ends them. */
const DRAIN_S = 10;
/** Draining and a job that ignores SIGTERM for its whole grace, with room to report. */
const KILL_AFTER_MS = 30_000;
/** The second request ends jobs at once: only such a job takes its grace. */
const KILL_SOONER_MS = 12_000;
/** Exit codes of the runner that a further start cannot mend: wrong use, refused, taken, too old, revoked, no executor. */
const FINAL_EXIT_CODES = new Set([2, 3, 4, 5, 77, 78]);

export interface LocalRunnerOptions {
  readonly access: ApiAccess;
  readonly data: string;
  readonly policy: string;
  readonly name: string;
  readonly say: (line: string) => void;
}

export interface LocalRunner {
  /** Resolves when the runner ended for good by itself; the reason was said. */
  readonly gaveUp: Promise<void>;
  /** Lets running jobs finish for ten seconds; a second call ends them at once. */
  stop(): Promise<void>;
}

export function startLocalRunner(options: LocalRunnerOptions): LocalRunner {
  let child: ChildProcess | undefined;
  let stopping = false;
  let wake: () => void = () => undefined;
  const supervision = supervise();
  return {
    gaveUp: supervision.then(() => (stopping ? new Promise<void>(() => undefined) : undefined)),
    async stop() {
      const killAfterMs = stopping ? KILL_SOONER_MS : KILL_AFTER_MS;
      stopping = true;
      wake();
      child?.kill("SIGTERM");
      const timer = setTimeout(() => child?.kill("SIGKILL"), killAfterMs);
      await supervision;
      clearTimeout(timer);
    },
  };

  async function supervise(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!stopping) {
      const begin = performance.now();
      child = await spawnRunner(options);
      const code = await exitOf(child);
      if (stopping) {
        return;
      }
      if (typeof code === "number" && FINAL_EXIT_CODES.has(code)) {
        options.say(`The runner ended with exit code ${code} and is not started again; its reason stands above.`);
        return;
      }
      pauseMs = performance.now() - begin > HEALTHY_MS ? FIRST_PAUSE_MS : pauseMs;
      options.say(`The runner ended (${code}); starting it again in ${pauseMs} ms.`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

async function spawnRunner(options: LocalRunnerOptions): Promise<ChildProcess> {
  const folder = join(options.data, "runner");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tokenFile = join(folder, "registration-token");
  const args = [
    "up",
    "--data-dir",
    folder,
    "--policy",
    options.policy,
    "--name",
    options.name,
    "--drain-timeout",
    String(DRAIN_S),
  ];
  if (isRegistered(folder)) {
    args.push("--url", options.access.url);
  } else {
    const made = await callApi<{ readonly token: string }>(options.access, "POST", "/registration-tokens", {
      body: {},
    });
    writeFileSync(tokenFile, made.token, { mode: 0o600 });
    // An earlier folder of this machine's runner may be gone while its name is still known.
    args.push("--token-file", tokenFile, "--replace");
  }
  // A process group of its own: Ctrl-C must not end its jobs before it was asked to let them finish.
  const child = spawn(process.execPath, [RUNNER, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = runnerLog(join(options.data, "runner.log"), options.say);
  createInterface({ input: child.stdout }).on("line", log);
  createInterface({ input: child.stderr }).on("line", log);
  child.on("exit", () => rmSync(tokenFile, { force: true }));
  return child;
}

function isRegistered(folder: string): boolean {
  const file = join(folder, "credential.json");
  return existsSync(file) && "registration" in (JSON.parse(readFileSync(file, "utf8")) as object);
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}
