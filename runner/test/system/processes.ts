/** Child processes of a test: started, listened to, killed without mercy, never left behind. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

export interface Program {
  readonly pid: number;
  /** Everything it printed so far, both streams. */
  output(): string;
  readonly exited: Promise<number | null>;
  running(): boolean;
  signal(name: NodeJS.Signals): void;
}

export function startProgram(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Program {
  const child: ChildProcess = spawn(process.execPath, [...args], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  child.stdout?.on("data", (bytes: Buffer) => said.push(bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => said.push(bytes.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return {
    pid: child.pid ?? 0,
    output: () => said.join(""),
    exited,
    running: () => child.exitCode === null && child.signalCode === null,
    signal: (name) => void child.kill(name),
  };
}

/** Process ids of the direct children of `pid`, whose command line holds `text`. */
export function childrenOf(pid: number, text: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        const stat = readFileSync(`/proc/${candidate}/stat`, "utf8");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return parent === pid && readFileSync(`/proc/${candidate}/cmdline`, "utf8").includes(text);
      } catch {
        return false;
      }
    });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
