/** `cronium-runner doctor`: looks at everything a runner needs and says, line by line, what is wrong and how to fix it. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { existsSync } from "node:fs";
import { type Runtime, runtimes } from "@cronium/protocol";
import { errorText } from "./base/log.ts";
import type { Config } from "./config.ts";
import { readCredential } from "./credential.ts";

const LEAST_NODE = [22, 12] as const;
const LEAST_FREE_BYTES = 1_000_000_000;
const ANSWER_WITHIN_MS = 10_000;

export interface Finding {
  readonly ok: boolean;
  readonly what: string;
  /** The exact next step; empty when nothing is to be done. */
  readonly fix: string;
}

/** What `doctor` asks of Docker, answered by the executor's files. */
export interface DockerProbe {
  version(): Promise<string>;
  /** Tag of each runtime's image, and whether it is here. */
  images(): Promise<readonly { readonly runtime: Runtime; readonly tag: string; readonly here: boolean }[]>;
}

export async function examine(config: Config, docker: DockerProbe): Promise<Finding[]> {
  return [node(), ...(await dockerFindings(docker)), await disk(config.dataDir), await plane(config)];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return {
    ok,
    what: `Node.js ${process.versions.node}`,
    fix: ok ? "" : `Install Node.js ${LEAST_NODE.join(".")} or newer.`,
  };
}

async function dockerFindings(docker: DockerProbe): Promise<Finding[]> {
  let version: string;
  try {
    version = await docker.version();
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === "EACCES";
    return [
      {
        ok: false,
        what: `Docker does not answer: ${errorText(error)}`,
        fix: denied
          ? "Let this user use Docker: sudo usermod -aG docker $USER, then sign in again."
          : "Start Docker (sudo systemctl start docker), or install it (sudo apt-get install docker.io).",
      },
    ];
  }
  return [{ ok: true, what: `Docker Engine ${version}`, fix: "" }, await images(docker)];
}

async function images(docker: DockerProbe): Promise<Finding> {
  try {
    const found = await docker.images();
    const missing = runtimes.filter((runtime) => !found.some((image) => image.runtime === runtime && image.here));
    return {
      ok: missing.length === 0,
      what: missing.length === 0 ? "Images are here" : `Images are missing: ${missing.join(", ")}`,
      fix: missing.length === 0 ? "" : "Make them now with cronium-runner images; the runner also does so by itself.",
    };
  } catch (error) {
    return { ok: false, what: `Images: ${errorText(error)}`, fix: "Reinstall the runner." };
  }
}

async function disk(dataDir: string): Promise<Finding> {
  let folder = dataDir;
  while (!existsSync(folder) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const ok = free >= LEAST_FREE_BYTES;
  return {
    ok,
    what: `${(free / 1e9).toFixed(1)} GB free for ${dataDir}`,
    fix: ok ? "" : "Free at least 1 GB, or choose another folder with --data-dir.",
  };
}

async function plane(config: Config): Promise<Finding> {
  const url = config.url ?? readCredential(config.dataDir)?.registration?.url ?? null;
  if (url === null) {
    return { ok: true, what: "Not registered yet", fix: "" };
  }
  try {
    const response = await fetch(new URL("health", url.endsWith("/") ? url : `${url}/`), {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    await response.body?.cancel();
    return response.ok
      ? { ok: true, what: `Control plane ${url} answers`, fix: "" }
      : { ok: false, what: `Control plane ${url} answers ${response.status}`, fix: "Check the address." };
  } catch (error) {
    return {
      ok: false,
      what: `Control plane ${url} does not answer: ${errorText(error)}`,
      fix: "Check the address, the network, and whether a proxy or firewall is in between.",
    };
  }
}
