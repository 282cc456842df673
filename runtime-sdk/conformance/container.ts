/** Starts the job images as a runner does, with Docker's command-line client. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Runtime } from "@cronium/protocol";
import * as z from "zod";
import type { BoundJob } from "./sidecar.ts";

const BUILD = join(import.meta.dirname, "../../images/build.sh");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Container {
  readonly name: string;
  readonly ended: Promise<Ended>;
}

export interface BindMount {
  readonly path: string;
  readonly target: string;
  readonly mode: "ro" | "rw";
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Builds the images that are absent and answers their tags. */
export async function buildImages(): Promise<Record<Runtime, string>> {
  const built = await run("bash", [BUILD]);
  if (built.code !== 0) {
    throw new Error(`images/build.sh failed: ${built.stderr}`);
  }
  return z.record(z.enum(["python", "node", "bash"]), z.string()).parse(JSON.parse(built.stdout));
}

/** Starts a container on the job's socket folder, hardened as every job is. */
export function startContainer(image: string, job: BoundJob, mounts: readonly BindMount[] = []): Container {
  const name = `cronium-conformance-${randomUUID()}`;
  const binds = [{ path: job.folder, target: "/run/cronium", mode: "ro" }, ...mounts].flatMap(
    ({ path, target, mode }) => ["--volume", `${path}:${target}:${mode}`],
  );
  const hardening = [
    ["--read-only", "--init", "--network", "none", "--user", "10001:10001", "--cap-drop", "ALL"],
    ["--security-opt", "no-new-privileges", "--pids-limit", "128", "--memory", "512m"],
    ["--tmpfs", "/tmp:rw,nosuid,nodev,size=64m"],
    ["--tmpfs", "/workspace:rw,nosuid,nodev,size=64m,uid=10001,gid=10001,mode=0700"],
  ].flat();
  return { name, ended: run("docker", ["run", "--rm", "--name", name, ...hardening, ...binds, image]) };
}
