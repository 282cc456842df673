/** A real runner process on a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { endFakeJobs } from "./fake-jobs.ts";
import { until } from "./until.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** The engine that the tests are to be run on, where it is not the machine's own. */
const ENGINE = process.env["DOCKER_HOST"];

/** For a runner without jobs; one that still has some is killed. */
const STOP_WITHIN_MS = 2_000;

/** Lets a child report the lines it ran, when this test run measures coverage. */
export function coverageEnv(): Record<string, string> {
  const folder = process.env["CRONIUM_CHILD_COVERAGE"];
  if (folder === undefined) {
    return {};
  }
  mkdirSync(folder, { recursive: true });
  // The sidecar is another user by the time it ends.
  chmodSync(folder, 0o777);
  return { NODE_V8_COVERAGE: folder };
}

export class RunnerProcess {
  readonly dataDir: string;
  private readonly flags: readonly string[];
  private readonly env: Readonly<Record<string, string>>;
  private readonly program: string;
  private child: ChildProcess | null = null;
  private exit: Promise<number | null> = Promise.resolve(null);
  /** Everything the process wrote, over all its lives. */
  output = "";

  /** `program`: the file that is run; the source, where none is named. */
  constructor(flags: readonly string[], env: Readonly<Record<string, string>> = {}, program: string = MAIN) {
    this.flags = flags;
    this.program = program;
    this.env = env;
    this.dataDir = mkdtempSync(join(tmpdir(), "cronium-runner-test-"));
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  get running(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** `more`: flags of this life alone. */
  start(more: readonly string[] = []): void {
    const child = spawn(
      process.execPath,
      [this.program, ...this.flags, ...more, "--data-dir", this.dataDir, "--log-level", "debug"],
      {
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: process.env["HOME"] ?? "",
          ...(ENGINE === undefined ? {} : { DOCKER_HOST: ENGINE }),
          ...coverageEnv(),
          ...this.env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.exit = new Promise((resolve) => child.once("close", resolve));
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** The exit code; null when a signal ended it. */
  exited(): Promise<number | null> {
    return this.exit;
  }

  /** Lines of its own log with this name. */
  events(name: string): Record<string, unknown>[] {
    return this.output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line["event"] === name);
  }

  socketFolders(): string[] {
    return readdirSync(join(this.dataDir, "sockets"));
  }

  spoolFolders(): string[] {
    return readdirSync(join(this.dataDir, "spool"));
  }

  sidecarPid(): number {
    return Number(this.events("sidecar.ready").at(-1)?.["pid"] ?? -1);
  }

  /** Ends it, in good order where it can, and deletes its folder. */
  async destroy(): Promise<void> {
    this.signal("SIGTERM");
    await Promise.race([this.exit, new Promise((resolve) => setTimeout(resolve, STOP_WITHIN_MS))]);
    this.signal("SIGKILL");
    await this.exit;
    const sidecar = this.sidecarPid();
    await until("the sidecar has gone with its runner", () => !isAlive(sidecar));
    endFakeJobs(this.dataDir);
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
