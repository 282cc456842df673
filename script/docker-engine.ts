import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { lastLines, runCommand } from "./command.ts";
import { findProgram } from "./debian-packages.ts";
import { type Report, withProgress } from "./progress.ts";

const START_DEADLINE_MS = 60_000;
const PING_TIMEOUT_MS = 2_000;
const POLL_MS = 100;

/** What one look at the Engine's socket tells. */
export type EngineState = "answers" | "absent" | "forbidden" | "silent";

/** The Engine's socket: that of DOCKER_HOST where it names one, else /var/run/docker.sock. */
export function dockerSocketPath(): string {
  const host = process.env["DOCKER_HOST"] ?? "";
  return host.startsWith("unix://") ? host.slice("unix://".length) : "/var/run/docker.sock";
}

/** Asks the Engine's HTTP API whether it is there. */
export function pingDocker(socketPath = dockerSocketPath()): Promise<EngineState> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: "/_ping", timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? "answers" : "silent");
    });
    ping.on("timeout", () => ping.destroy(new Error("no answer")));
    ping.on("error", (error: NodeJS.ErrnoException) => {
      const forbidden = error.code === "EACCES" || error.code === "EPERM";
      const absent = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      resolve(forbidden ? "forbidden" : absent ? "absent" : "silent");
    });
    ping.end();
  });
}

async function answersWithin(deadlineMs: number, gaveUp: () => boolean): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (performance.now() < end && !gaveUp()) {
    if ((await pingDocker()) === "answers") {
      return true;
    }
    await delay(POLL_MS);
  }
  return (await pingDocker()) === "answers";
}

/** Pid files that keep the Engine from starting while they name a process, and whose process that is. */
const PID_FILES = [
  ["/var/run/docker.pid", "dockerd"],
  ["/var/run/docker/containerd/containerd.pid", "containerd"],
] as const;

/**
 * Removes pid files that an Engine left behind when it was killed. The Engine only asks whether a process of that
 * number exists; after a restart of the machine that is often another program, and the Engine refuses to start.
 */
function removeStalePidFiles(): void {
  for (const [file, program] of PID_FILES) {
    if (existsSync(file)) {
      const comm = `/proc/${readFileSync(file, "utf8").trim()}/comm`;
      if (!existsSync(comm) || readFileSync(comm, "utf8").trim() !== program) {
        rmSync(file, { force: true });
      }
    }
  }
}

/** Starts the Engine by itself, detached: it outlives this process, as a system service would. */
async function startDetached(dockerd: string, logFile: string): Promise<string | undefined> {
  mkdirSync(dirname(logFile), { recursive: true });
  const begin = existsSync(logFile) ? statSync(logFile).size : 0;
  removeStalePidFiles();
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(dockerd, [], { detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  let ended = false;
  child.on("error", () => (ended = true));
  child.on("exit", () => (ended = true));
  child.unref();
  if (await answersWithin(START_DEADLINE_MS, () => ended)) {
    return undefined;
  }
  const what = ended ? "dockerd ended" : `dockerd does not answer after ${START_DEADLINE_MS} ms`;
  const said = lastLines(readFileSync(logFile, "utf8").slice(begin));
  return `${what}. The end of its log ${logFile}:\n${said}`;
}

/**
 * Starts the installed Engine and waits until its API answers.
 *
 * @returns undefined on success, else what failed, with the end of the Engine's log
 */
export async function startDocker(logFile: string, report: Report): Promise<string | undefined> {
  const dockerd = findProgram(["dockerd"]);
  if (dockerd === undefined) {
    return "dockerd is not on this machine.";
  }
  return withProgress(report, "Starting Docker Engine", async () => {
    if (existsSync("/run/systemd/system")) {
      const started = await runCommand("systemctl", ["start", "docker"]);
      if (started.code === 0 && (await answersWithin(START_DEADLINE_MS, () => false))) {
        return undefined;
      }
      const journal = await runCommand("journalctl", ["-u", "docker", "-n", "15", "--no-pager"]);
      return `systemctl start docker failed:\n${lastLines(started.output + journal.output)}`;
    }
    return startDetached(dockerd, logFile);
  });
}
