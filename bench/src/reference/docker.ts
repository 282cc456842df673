/** Bare Docker: what a container costs without Cronium, with the same image, hardening and network mode. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";

export const docker = new Docker();

/** A folder that stands in for the one with the runtime API's socket. */
const mounted = mkdtempSync(join(tmpdir(), "cronium-bench-mount-"));
process.once("exit", () => rmSync(mounted, { recursive: true, force: true }));

/** The host configuration of a job container, as the runner sets it: limits, hardening, log driver, one folder. */
export const hostConfig = {
  CapDrop: ["ALL"],
  SecurityOpt: ["no-new-privileges:true"],
  ReadonlyRootfs: true,
  Tmpfs: {
    "/tmp": "rw,nosuid,nodev,exec,mode=1777,size=256m",
    "/workspace": "rw,nosuid,nodev,exec,uid=10001,gid=10001,mode=0700,size=512m",
  },
  Memory: 512 * 1_048_576,
  MemorySwap: 512 * 1_048_576,
  NanoCpus: 2_000_000_000,
  PidsLimit: 256,
  Ulimits: [{ Name: "nofile", Soft: 8_192, Hard: 8_192 }],
  Init: true,
  IpcMode: "private",
  LogConfig: { Type: "local", Config: { "max-size": "10m", "max-file": "2" } },
  Binds: [`${mounted}:/run/cronium:ro`],
};

/** Milliseconds from `create` to the first byte that the command prints; the container is removed afterwards. */
export async function createToFirstByte(image: string, command: readonly string[]): Promise<number> {
  const begin = performance.now();
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [],
    Cmd: [...command],
    User: "10001:10001",
    NetworkDisabled: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: hostConfig,
  });
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const first = new Promise<number>((resolve) => stream.once("data", () => resolve(performance.now())));
    await container.start();
    return (await first) - begin;
  } finally {
    await container.remove({ force: true });
  }
}

/** A whole life: created, started, awaited, removed. */
export async function lifeCycle(image: string, command: readonly string[]): Promise<void> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [],
    Cmd: [...command],
    User: "10001:10001",
    NetworkDisabled: true,
    HostConfig: hostConfig,
  });
  try {
    await container.start();
    await container.wait();
  } finally {
    await container.remove({ force: true });
  }
}

/** The same through the command line a person would type. */
export function dockerRunToFirstByte(image: string, command: readonly string[]): Promise<number> {
  const begin = performance.now();
  const [program = "true", ...args] = command;
  const child = spawn("docker", ["run", "--rm", "--entrypoint", program, image, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let first = 0;
  child.stdout.once("data", () => {
    first = performance.now();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0 && first > 0) {
        resolve(first - begin);
      } else {
        reject(new Error(`docker run ended with ${code} and printed ${first > 0 ? "something" : "nothing"}.`));
      }
    });
  });
}
