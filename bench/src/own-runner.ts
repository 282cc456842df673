/** A runner as a person installs it, with as many jobs at a time and as many waiting containers as a benchmark needs. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Plane } from "./plane.ts";
import { docker } from "./reference/docker.ts";
import { waitUntil } from "./wait.ts";

const PROGRAM = fileURLToPath(new URL("../../runner/dist/main.js", import.meta.url));
/** From the start of a container until its bootstrap has loaded what it loads and waits for a job. */
const SETTLED_MS = 400;

export interface OwnRunner {
  readonly pid: number;
  /** Resolves once this many containers wait for a job, and have done so for a moment. */
  waiting(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** `warm`: most containers that wait for jobs. Throws where the runner has not been built. */
export async function startOwnRunner(
  plane: Plane,
  options: { readonly capacity: number; readonly warm: number },
): Promise<OwnRunner> {
  if (!existsSync(PROGRAM)) {
    throw new Error(`${PROGRAM} is missing. Run npm run build first.`);
  }
  const folder = mkdtempSync(join(tmpdir(), "cronium-bench-runner-"));
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, "mounts: {}\n");
  const { token } = await plane.call("POST", "/registration-tokens", {});
  const args = [
    ...["up", "--token", token, "--url", plane.url, "--name", "bench", "--replace", "--data-dir", folder],
    ...[
      "--policy",
      policy,
      "--memory",
      "unlimited",
      "--capacity",
      String(options.capacity),
      "--warm",
      String(options.warm),
    ],
    ...["--drain-timeout", "10", "--log-level", "warn"],
  ];
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said = `${said}${bytes.toString()}`.slice(-4_000);
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const tellToStop = (): void => void child.kill("SIGTERM");
  process.once("exit", tellToStop);
  const stop = async (): Promise<void> => {
    process.removeListener("exit", tellToStop);
    child.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  let runnerId = "";
  try {
    await waitUntil("the runner to be ready", 600_000, async () => {
      if (child.exitCode !== null) {
        throw new Error(`The runner ended with ${child.exitCode}:\n${said}`);
      }
      const { items } = await plane.call("GET", "/runners");
      const ready = (one: { state: string; notReady: string[] }): boolean =>
        one.state === "online" && one.notReady.length === 0;
      runnerId = items.find(ready)?.id ?? "";
      return runnerId !== "";
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    waiting: async (count) => {
      const filters = { label: [`cronium.runner=${runnerId}`], status: ["running"], name: ["cronium-slot-"] };
      await waitUntil(`${count} containers to wait`, 300_000, async () => {
        return (await docker.listContainers({ filters })).length >= count;
      });
      await after(SETTLED_MS);
    },
    stop,
  };
}
