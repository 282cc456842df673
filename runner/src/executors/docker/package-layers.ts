/**
 * Packages of scripts, as layers: a Docker volume for each set of them, named by its content (image, index, packages),
 * filled once and mounted read-only into every job that asks for the same set. Two events with different versions have
 * two layers; what is there needs no index any more.
 *
 * A layer is filled by pip or npm in a container of the job's own image, hardened as jobs are, with a way to the index
 * and no job beside it. No code of a package runs there: pip takes wheels only, npm runs no script. A layer counts once
 * its mark, an empty volume, is there: a fill that broke off is done again.
 *
 * Example: two runs of one event begin at once. The first fills the layer, the second waits for the same promise. A third
 * of another event with the same packages finds the layer marked.
 */
import { createHash } from "node:crypto";
import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import type { Runtime } from "@cronium/protocol";
import { errorText, type Log } from "../../base/log.ts";
import { ExecutorError, type SlotEvents } from "../types.ts";
import type { Furnish } from "./furnishing.ts";
import { LayerUses } from "./layer-uses.ts";

/** Python finds it by PYTHONPATH, Node beside the script. */
const TARGETS = { python: "/opt/cronium/packages", node: "/workspace/node_modules" } as const;
const FILL_MEMORY_BYTES = 1_073_741_824;
const FILL_TMP = "rw,nosuid,nodev,exec,mode=1777,size=768m";
const FILL_WITHIN_MS = 600_000;
const MOST_SAID = 65_536;

/** `$@`: index and packages. What npm installs is moved as a whole, so that the layer holds modules and nothing else. */
const FILL = {
  python: [
    "index=$1; shift; for pip in /usr/share/python-wheels/pip-*.whl; do :; done; export HOME=/tmp; " +
      'exec python3 "$pip/pip" install --no-input --disable-pip-version-check --no-cache-dir --only-binary :all: ' +
      '--retries 1 --timeout 20 --progress-bar off --root-user-action ignore --index-url "$index" --target /layer -- "$@"',
  ],
  node: [
    'index=$1; shift; export HOME=/tmp; mkdir /tmp/fill && cd /tmp/fill && echo "{}" >package.json && ' +
      "node /usr/local/lib/npm/bin/npm-cli.js install --ignore-scripts --no-audit --no-fund --no-update-notifier " +
      '--loglevel=error --fetch-retries=1 --fetch-timeout=20000 --fetch-retry-mintimeout=500 --registry "$index" ' +
      '--cache /tmp/cache -- "$@" && cp -R node_modules/. /layer/',
  ],
} as const;

type Layered = keyof typeof FILL;

export interface PackageLayersOptions {
  readonly docker: Docker;
  readonly runnerId: string;
  readonly log: Log;
  /** In milliseconds since 1970. */
  readonly now: () => number;
  /** Where it is written down when layers were used. */
  readonly folder: string;
  /** Indexes that the local policy names; null: packages are not allowed. */
  readonly index: (runtime: Runtime) => string | null;
  readonly builtIn: (runtime: Runtime) => string | null;
  /** Layers that stay; beyond them those go that were not used for longest. */
  readonly keep: number;
}

export interface PackageLayers {
  readonly furnish: Furnish;
  /** Whether this is the slot of a container that fills a layer now. */
  readonly isFilling: (slot: string) => boolean;
}

export function packageLayers(options: PackageLayersOptions): PackageLayers {
  const filling = new Map<string, Promise<void>>();
  const used = new LayerUses(options.folder, options.now);
  const furnish: Furnish = async ({ profile }, events, signal) => {
    const { runtime, packages } = profile;
    if (packages.length === 0 || runtime === "bash") {
      return null;
    }
    const index = options.index(runtime);
    const image = options.builtIn(runtime);
    if (index === null || image === null || profile.image !== null) {
      throw new ExecutorError("image_pull", whyNone(profile.image !== null, packages));
    }
    const name = layerName(options.runnerId, runtime, image, index, packages);
    noteUse(options, used, name);
    const fill =
      filling.get(name) ??
      ensureLayer(options, { name, runtime, image, index, packages }, events).finally(() => filling.delete(name));
    filling.set(name, fill);
    await until(fill, signal);
    noteUse(options, used, name);
    void collect(options, used).catch((error: unknown) => {
      options.log.warn("packages.not_collected", { problem: errorText(error) });
    });
    return { apply: (base) => withLayer(base, name, runtime), remove: async () => {} };
  };
  return { furnish, isFilling: (slot) => filling.has(slot) };
}

/** A job that can have its packages is not kept from them by a full disk. */
function noteUse({ log }: PackageLayersOptions, used: LayerUses, name: string): void {
  try {
    used.note(name);
  } catch (error) {
    log.warn("packages.use_not_noted", { layer: name, problem: errorText(error) });
  }
}

function whyNone(foreign: boolean, packages: readonly string[]): string {
  return foreign
    ? `Packages (${packages.join(", ")}) are put beside the built-in images only; put them into your own image.`
    : `This runner's policy names no index for packages (${packages.join(", ")}).`;
}

/** Whoever no longer waits is let go; the layer is filled all the same. */
function until(fill: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abandoned = (): void => reject(new ExecutorError("image_pull", "Nobody waits for the packages any more."));
    signal.addEventListener("abort", abandoned, { once: true });
    fill.then(resolve, reject).finally(() => signal.removeEventListener("abort", abandoned));
  });
}

function layerName(
  runnerId: string,
  runtime: Layered,
  image: string,
  index: string,
  packages: readonly string[],
): string {
  const content = JSON.stringify([runtime, image, index, packages]);
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 24);
  return `cronium-layer-${runnerId.slice(-10)}-${runtime}-${hash}`;
}

interface Layer {
  readonly name: string;
  readonly runtime: Layered;
  readonly image: string;
  readonly index: string;
  readonly packages: readonly string[];
}

const markOf = (name: string): string => `${name}-whole`;

async function ensureLayer(
  options: PackageLayersOptions,
  layer: Layer,
  events: Pick<SlotEvents, "notice">,
): Promise<void> {
  const { docker, runnerId, log } = options;
  if (await isThere(docker, markOf(layer.name))) {
    return;
  }
  // What is there without its mark broke off.
  await removeVolume(docker, layer.name);
  const labels = { "cronium.runner": runnerId, "cronium.layer": layer.runtime };
  await docker.createVolume({ Name: layer.name, Labels: labels });
  events.notice?.(`getting packages: ${layer.packages.join(", ")}`);
  const begin = options.now();
  try {
    await fillLayer(options, layer);
    await docker.createVolume({ Name: markOf(layer.name), Labels: { ...labels, "cronium.mark": layer.name } });
  } catch (error) {
    await removeVolume(docker, layer.name);
    throw error;
  }
  log.info("packages.ready", { layer: layer.name, packages: layer.packages, ms: Math.round(options.now() - begin) });
}

async function fillLayer({ docker, runnerId }: PackageLayersOptions, layer: Layer): Promise<void> {
  const container = await docker.createContainer({
    Image: layer.image,
    // Owns the empty volume, and has no rights beyond that.
    User: "0:0",
    Entrypoint: ["sh", "-c", FILL[layer.runtime][0], "fill", layer.index, ...layer.packages],
    Cmd: [],
    Env: [],
    WorkingDir: "/",
    Labels: { "cronium.runner": runnerId, "cronium.slot": layer.name },
    HostConfig: {
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      ReadonlyRootfs: true,
      // An index on this very machine can be reached from nowhere else.
      NetworkMode: isLoopback(layer.index) ? "host" : "bridge",
      Memory: FILL_MEMORY_BYTES,
      MemorySwap: FILL_MEMORY_BYTES,
      PidsLimit: 256,
      Init: true,
      IpcMode: "private",
      Tmpfs: { "/tmp": FILL_TMP },
      LogConfig: { Type: "local", Config: { "max-size": "1m", "max-file": "2" } },
      Mounts: [{ Type: "volume", Source: layer.name, Target: "/layer", ReadOnly: false }],
    } as NonNullable<ContainerCreateOptions["HostConfig"]>,
  });
  const timer = setTimeout(() => void container.kill().catch(() => {}), FILL_WITHIN_MS);
  try {
    await container.start();
    const { StatusCode: code } = (await container.wait({ condition: "not-running" })) as { StatusCode: number };
    if (code !== 0) {
      const said = await container.logs({ stdout: true, stderr: true, follow: false });
      throw new ExecutorError("image_pull", whyFailed(layer, said.toString("utf8").slice(-MOST_SAID)));
    }
  } finally {
    clearTimeout(timer);
    await container.remove({ force: true, v: false }).catch(() => {});
  }
}

function isLoopback(index: string): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(index).hostname);
}

/** What the tool said last, without the framing of Docker's log and without a password in an address. */
function whyFailed({ packages, index, runtime }: Layer, said: string): string {
  const { host } = new URL(index);
  const lines = said
    // With the header of each piece of Docker's log.
    .split(/\n|[\u0000-\u0008\u000B-\u001F]+/u)
    .map((line) => line.trim())
    .filter((line) => line.length > 3);
  const telling = lines.findLast((line) => /^ERROR|npm error (?!A complete log|code|path)/i.test(line)) ?? lines.at(-1);
  const reason = (telling ?? "nothing was said").replaceAll(/\/\/[^/\s@]*@/g, "//").slice(0, 400);
  const unreachable =
    /Max retries exceeded|Failed to establish|ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|getaddrinfo|Connection (?:refused|reset)|NewConnectionError/i;
  const tool = runtime === "python" ? "pip" : "npm";
  return unreachable.test(said)
    ? `The packages ${packages.join(", ")} are not on this runner yet, and the index at ${host} cannot be reached: ${reason}`
    : `The packages ${packages.join(", ")} cannot be had from ${host} (${tool}): ${reason}`;
}

function withLayer(base: ContainerCreateOptions, name: string, runtime: Layered): ContainerCreateOptions {
  const mount = {
    Type: "volume" as const,
    Source: name,
    Target: TARGETS[runtime],
    ReadOnly: true,
    VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "", Options: {} } },
  };
  return {
    ...base,
    Env: [...(base.Env ?? []), ...(runtime === "python" ? [`PYTHONPATH=${TARGETS.python}`] : [])],
    HostConfig: { ...base.HostConfig, Mounts: [...(base.HostConfig?.Mounts ?? []), mount] },
  };
}

/** Layers beyond those to keep, the one not used for longest first. One that a container uses is refused and stays. */
async function collect({ docker, runnerId, keep, log }: PackageLayersOptions, used: LayerUses): Promise<void> {
  const filters = JSON.stringify({ label: [`cronium.runner=${runnerId}`, "cronium.mark"] });
  const { Volumes: marks } = await docker.listVolumes({ filters: filters as unknown as Record<string, string[]> });
  const layers = (marks ?? []).map(({ Labels: labels }) => labels["cronium.mark"] ?? "").filter((name) => name !== "");
  const oldest = layers.toSorted((a, b) => used.lastOf(a) - used.lastOf(b));
  for (const name of oldest.slice(0, Math.max(0, layers.length - keep))) {
    // The layer first: without it the mark would promise what is not there.
    if (await removeVolume(docker, name)) {
      await removeVolume(docker, markOf(name));
      used.forget(name);
      log.info("packages.collected", { layer: name });
    }
  }
}

async function isThere(docker: Docker, name: string): Promise<boolean> {
  try {
    await docker.getVolume(name).inspect();
    return true;
  } catch {
    return false;
  }
}

/** True when it is gone. */
async function removeVolume(docker: Docker, name: string): Promise<boolean> {
  try {
    await docker.getVolume(name).remove();
    return true;
  } catch (error) {
    return (error as { statusCode?: unknown }).statusCode === 404;
  }
}
