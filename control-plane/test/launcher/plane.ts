/** Builds and runs the control plane for tests, as its users run it: as a program of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const ROOT = join(import.meta.dirname, "..", "..", "..");
const MAIN = join(ROOT, "control-plane/launcher/main.ts");

/** Builds what the launcher runs; does nothing when it is built. */
export function buildControlPlane(): void {
  const args = [join(ROOT, "script/build.ts"), "worker", "services", "site"];
  const built = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  if (built.status !== 0) {
    throw new Error(`The build failed:\n${built.stderr}`);
  }
}

export interface Ready {
  readonly url: string;
  readonly workspaceId: string;
  readonly apiKey: string;
  readonly claimUrl: string | null;
  readonly workerdPid: number;
}

export interface Launcher {
  readonly child: ChildProcess;
  /** Resolves when it is ready; rejects with all it said when it ends before. */
  readonly ready: Promise<Ready>;
  /** Exit code; null after a signal. */
  readonly ended: Promise<number | null>;
  /** What it has said so far. */
  readonly said: () => string;
}

/** Data folders and launchers of one test file, which leaves nothing behind. */
export class Workbench {
  readonly #folders: string[] = [];
  readonly #launchers: Launcher[] = [];

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "cronium-plane-"));
    this.#folders.push(folder);
    return folder;
  }

  launch(data: string, ...args: readonly string[]): Launcher {
    return this.launchWith({}, data, ...args);
  }

  /** With these variables on top of the environment. */
  launchWith(env: Readonly<Record<string, string>>, data: string, ...args: readonly string[]): Launcher {
    const child = spawn(
      process.execPath,
      [MAIN, "start", "--json", "--until-stdin-ends", "--data", data, "--port", "0", ...args],
      { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } },
    );
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const ready = new Promise<Ready>((resolve, reject) => {
      createInterface({ input: child.stdout }).on("line", (line) => resolve(JSON.parse(line) as Ready));
      void ended.then(() => reject(new Error(said)));
    });
    ready.catch(() => undefined);
    const launcher = { child, ready, ended, said: () => said };
    this.#launchers.push(launcher);
    return launcher;
  }

  async cleanUp(): Promise<void> {
    for (const launcher of this.#launchers.splice(0)) {
      launcher.child.kill("SIGTERM");
      await launcher.ended;
    }
    for (const folder of this.#folders.splice(0)) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Runs `cronium-server` to its end. */
export function cli(...args: readonly string[]): { readonly code: number | null; readonly said: string } {
  const result = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8", timeout: 120_000 });
  return { code: result.status, said: result.stderr };
}

/** Asks again until the answer is accepted; throws after 90 seconds. */
export async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + 90_000;
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null) {
      return answer;
    }
    if (performance.now() > end) {
      throw new Error(`Gave up waiting: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
