/**
 * Jobs in images of users. The bootstrap and the SDK come from the built-in image of the runtime: Docker copies them into
 * volumes when an unused container of it is created, and those are mounted read-only. So nothing has to be in the image
 * but the interpreter, and no folder of this machine has to be visible to the engine.
 */
import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import type { Runtime } from "@cronium/protocol";
import { JOB_UID } from "./limits.ts";
import type { Furnish } from "./furnishing.ts";
import { getImage, type PullOptions } from "./pull.ts";

interface Boot {
  readonly command: readonly string[];
  /** Folders of the built-in image, and where a foreign one gets them. */
  readonly folders: readonly { readonly from: string; readonly to: string }[];
  readonly env: readonly string[];
}

const boots: Readonly<Record<Runtime, Boot>> = {
  python: {
    command: ["python3", "/cronium/boot.py"],
    folders: [
      { from: "/cronium", to: "/cronium" },
      { from: "/usr/lib/python3/dist-packages/cronium", to: "/opt/cronium/cronium" },
    ],
    env: ["PYTHONPATH=/opt/cronium"],
  },
  node: {
    command: ["node", "/cronium/boot.cjs"],
    folders: [
      { from: "/cronium", to: "/cronium" },
      { from: "/node_modules/@cronium/sdk", to: "/node_modules/@cronium/sdk" },
    ],
    env: [],
  },
  bash: { command: ["sh", "/cronium/boot.sh"], folders: [{ from: "/cronium", to: "/cronium" }], env: [] },
};

export interface ForeignImageOptions extends PullOptions {
  readonly runnerId: string;
  /** Reference of the built-in image. */
  readonly builtIn: (runtime: Runtime) => string | null;
  /** The engine copies an image's files into a volume when the container starts, not when it is created. */
  readonly fillsAtStart: () => boolean;
  /** Told of each image that is on this machine now, because a job runs in it. */
  readonly found: (image: string) => void;
}

export function foreignImages(options: ForeignImageOptions): Furnish {
  const volumes = new Map<string, Promise<string[]>>();
  /** Volumes may have been removed by hand since they were made; making them again costs a few milliseconds. */
  const bootOf = (runtime: Runtime, tag: string): Promise<string[]> => {
    const known = volumes.get(tag);
    if (known !== undefined) {
      return known;
    }
    const made = makeVolumes(options, runtime, tag).finally(() => volumes.delete(tag));
    volumes.set(tag, made);
    return made;
  };
  return async ({ profile }, events, signal) => {
    const { image = null, pull = "missing" } = profile.image ?? {};
    const tag = options.builtIn(profile.runtime);
    if (image === null || tag === null) {
      return null;
    }
    const facts = await getImage(options, { image, pull }, (text) => events.notice?.(text), signal);
    options.found(image);
    const names = await bootOf(profile.runtime, tag);
    return {
      apply: (base) => withImage(base, { image, runtime: profile.runtime, names, volumes: facts.volumes }),
      remove: async () => {},
    };
  };
}

function withImage(
  base: ContainerCreateOptions,
  from: {
    readonly image: string;
    readonly runtime: Runtime;
    readonly names: readonly string[];
    readonly volumes: readonly string[];
  },
): ContainerCreateOptions {
  const { command, folders, env } = boots[from.runtime];
  const mounts = folders.map(({ to }, index) => ({
    Type: "volume" as const,
    Source: from.names[index] ?? "",
    Target: to,
    ReadOnly: true,
    VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "", Options: {} } },
  }));
  const taken = Object.keys(base.HostConfig?.Tmpfs ?? {});
  // A volume that the image declares would be a folder on disk without a limit, and writable.
  const shadows = from.volumes
    .filter((path) => !taken.includes(path))
    .map((path) => [path, `rw,nosuid,nodev,noexec,uid=${JOB_UID},gid=${JOB_UID},mode=0700,size=16m`] as const);
  return {
    ...base,
    Image: from.image,
    Entrypoint: [...command],
    Cmd: [],
    Env: [...(base.Env ?? []), "LANG=C.UTF-8", "HOME=/workspace", ...env],
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...base.HostConfig,
      Mounts: [...(base.HostConfig?.Mounts ?? []), ...mounts],
      Tmpfs: { ...base.HostConfig?.Tmpfs, ...Object.fromEntries(shadows) },
    },
  };
}

/** Named by the built-in image's content, so what is there is right. */
async function makeVolumes(
  { docker, runnerId, fillsAtStart }: Pick<ForeignImageOptions, "docker" | "runnerId" | "fillsAtStart">,
  runtime: Runtime,
  tag: string,
): Promise<string[]> {
  const { folders } = boots[runtime];
  const hash = tag.split(":").at(-1) ?? "";
  const names = folders.map((_, index) => `cronium-boot-${runnerId.slice(-10)}-${runtime}-${hash}-${index}`);
  const there = await Promise.all(names.map((name) => isFilled(docker, name)));
  if (there.every(Boolean)) {
    return names;
  }
  const labels = { "cronium.runner": runnerId, "cronium.boot": tag };
  for (const name of names) {
    await docker.createVolume({ Name: name, Labels: labels });
  }
  const container = await docker.createContainer({
    Image: tag,
    Entrypoint: ["true"],
    Cmd: [],
    NetworkDisabled: true,
    // The sweep takes it if this process dies before the next statement.
    Labels: { "cronium.runner": runnerId, "cronium.slot": `boot-${hash}` },
    HostConfig: { Binds: folders.map(({ from }, index) => `${names[index] ?? ""}:${from}`) },
  });
  if (fillsAtStart()) {
    await container.start();
    await container.wait();
  }
  await container.remove({ force: true }).catch((error: unknown) => {
    // The sweep may have been faster: nothing of it is needed any more.
    if ((error as { statusCode?: unknown }).statusCode !== 404) {
      throw error;
    }
  });
  return names;
}

async function isFilled(docker: Docker, name: string): Promise<boolean> {
  try {
    await docker.getVolume(name).inspect();
    return true;
  } catch {
    return false;
  }
}

/** Volumes of built-in images that this runner no longer uses. Resolves with how many are gone. */
export async function sweepBootVolumes(
  { docker, runnerId }: Pick<ForeignImageOptions, "docker" | "runnerId">,
  tags: readonly (string | null)[],
): Promise<number> {
  const { Volumes: found } = await docker.listVolumes({
    filters: JSON.stringify({ label: [`cronium.runner=${runnerId}`, "cronium.boot"] }) as unknown as Record<
      string,
      string[]
    >,
  });
  const old = (found ?? []).filter(({ Labels: labels }) => !tags.includes(labels["cronium.boot"] ?? null));
  const gone = await Promise.allSettled(old.map(({ Name: name }) => docker.getVolume(name).remove()));
  return gone.filter(({ status }) => status === "fulfilled").length;
}
