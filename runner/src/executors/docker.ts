/**
 * Runs jobs in containers: readiness (engine and images), slots, and the sweep. How one container is hardened is in
 * `docker/create-options.ts`, how it lives in `docker/cold-slot.ts`.
 */
import { freemem, totalmem } from "node:os";
import type Docker from "dockerode";
import { type NotReadyReason, type Runtime, runtimes } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import { errorText, type Log } from "../base/log.ts";
import { isDaemonGone } from "../base/retryable.ts";
import { Semaphore } from "../base/semaphore.ts";
import { adoptSlot } from "./docker/adopt-slot.ts";
import { type ColdSlotContext, makeColdSlot } from "./docker/cold-slot.ts";
import { ownDisks, sweepDisks } from "./docker/disk.ts";
import { Engine } from "./docker/engine.ts";
import { engineFacts } from "./docker/engine-facts.ts";
import { TUNNEL_ADDRESS } from "./docker/exec-tunnel.ts";
import { FailedContainers } from "./docker/failed-containers.ts";
import { type HostPath, hostPaths } from "./docker/host-paths.ts";
import { foreignImages, sweepBootVolumes } from "./docker/foreign-image.ts";
import { furnishAll } from "./docker/furnishing.ts";
import { ImageShelf } from "./docker/image-shelf.ts";
import type { ImageFiles } from "./docker/images.ts";
import { KillWatch } from "./docker/kill-watch.ts";
import { bridgeNetworks, type NetworkOptions, sweepNetworks } from "./docker/networks.ts";
import { type LoginSources, registryLogins } from "./docker/registry-login.ts";
import { packageLayers } from "./docker/package-layers.ts";
import { speaking } from "./docker/podman.ts";
import { Removals } from "./docker/removals.ts";
import { WaitingImages } from "./docker/waiting-images.ts";
import { makeWarmSlot } from "./docker/warm-slot.ts";
import { SharedSlot } from "./pool/again-slot.ts";
import { Kept } from "./pool/kept.ts";
import { countAlike } from "./pool/counts.ts";
import { Pool } from "./pool/pool.ts";
import type { Executor, Slot, SlotEvents, SlotProfile, SlotRequest, SlotSource } from "./types.ts";

/** Memory that slots without a job leave to the machine: a tenth of it, at least this. */
const LEAST_FREE_BYTES = 268_435_456;

export interface DockerExecutorOptions {
  readonly docker: Docker;
  /** The same engine, dialled for every question. */
  readonly freshDocker: Docker;
  /** Owner label of everything it makes: two runners on one machine never touch one another's. */
  readonly runnerId: string;
  readonly cpus: number;
  readonly imageFiles: ImageFiles;
  /** How jobs reach the runtime API: over a socket in a folder that is shared with the engine, or through `exec`. */
  readonly apiTransport: "unix" | "stdio";
  /** Most containers that wait for a job; 0: all start cold. */
  readonly warm: number;
  /** Containers that Docker does not take away before no more jobs are taken. */
  readonly mostStuck: number;
  /** Most containers of failed runs that stay for a look at them. */
  readonly keepFailed: number;
  /** The runner's own files. */
  readonly dataDir: string;
  /** How this machine proves itself to registries. */
  readonly logins: LoginSources;
  /** Where disks of jobs lie. */
  readonly diskDir: string;
  /** Where networks of jobs are cut from, and the private ranges that they reach. */
  readonly network: Pick<NetworkOptions, "bridgeRange" | "privateRanges">;
  /** Indexes of packages, by runtime, and how many sets of them stay on this machine. */
  readonly packages: {
    readonly python?: string | undefined;
    readonly node?: string | undefined;
    readonly keep: number;
    /** Where it is written down when they were used. */
    readonly folder: string;
  };
  /** A registry that sends nothing for this long is stuck. */
  readonly pullStuckMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export function makeDockerExecutor(options: DockerExecutorOptions): Executor {
  const { clock, log, runnerId, cpus } = options;
  const docker = speaking(options.docker, () => engine.podman);
  const tunnelled = options.apiTransport === "stdio";
  let changed = (): void => {};
  let hostPath: HostPath = (path) => path;
  let comingUp: Promise<void> = Promise.resolve();
  const learnPaths = async (): Promise<void> => {
    try {
      hostPath = await hostPaths(docker);
    } catch (error) {
      log.warn("docker.own_mounts_unknown", { problem: errorText(error) });
    }
  };
  const shelf = new ImageShelf({
    docker,
    clock,
    log,
    files: options.imageFiles,
    changed: () => changed(),
  });
  const kills = new KillWatch({ docker, runnerId, clock, log, ended: () => void engine.suspect() });
  const engine = new Engine({
    docker: options.freshDocker,
    clock,
    log,
    changed: (up) => {
      if (up) {
        void kills.open();
        // Jobs are taken once the images have been seen.
        comingUp = learnPaths().then(() => shelf.look());
        void comingUp.then(() => changed());
      } else {
        pool.empty("Docker does not answer");
        kept.empty("Docker does not answer");
        changed();
      }
    },
  });
  // More parallel starts than this only make each of them slower.
  const starts = new Semaphore(cpus * 2);

  const disk = { diskDir: options.diskDir, log, shared: !tunnelled };
  const layers = packageLayers({
    docker,
    runnerId,
    log,
    now: () => clock.now(),
    folder: options.packages.folder,
    index: (runtime) => (runtime === "bash" ? null : (options.packages[runtime] ?? null)),
    builtIn: (runtime) => shelf.tagOf(runtime),
    keep: options.packages.keep,
  });
  const images = new WaitingImages();
  const furnish = furnishAll([
    foreignImages({
      found: (image) => images.found(image),
      docker,
      clock,
      runnerId,
      login: registryLogins(options.logins),
      stuckMs: options.pullStuckMs,
      builtIn: (runtime) => shelf.tagOf(runtime),
      fillsAtStart: () => engine.podman,
    }),
    ownDisks(disk),
    bridgeNetworks({ docker, log, runnerId, ...options.network }),
    layers.furnish,
  ]);
  const removals = new Removals({ docker, clock, log, mostStuck: options.mostStuck });
  const failed = new FailedContainers({
    docker,
    runnerId,
    log,
    removals,
    limit: options.keepFailed,
    dataDir: options.dataDir,
    now: () => clock.now(),
  });
  const slotContext = (runtime: Runtime): ColdSlotContext => ({
    docker,
    furnish,
    clock,
    log,
    starts,
    kills,
    failed,
    removals,
    mountsEarly: () => engine.podman,
    create: {
      runnerId,
      image: shelf.tagOf(runtime) ?? "cronium/none",
      cpus,
      hostPath: (path) => hostPath(path),
      tunnelled,
    },
    suspect: () => engine.suspect(),
  });
  const pool = new Pool({
    clock,
    log,
    max: options.warm,
    parallel: cpus,
    kindOf: (profile) =>
      engine.up && mayWait(profile) && images.mayWait(profile) ? shelf.tagOf(profile.runtime) : null,
    make: (profile, slot, apiFolder, opened) => {
      const request = { slot, profile: images.withoutPull(profile), apiFolder };
      const idle = makeWarmSlot(slotContext(profile.runtime), request, opened);
      idle.started.catch(() => images.lost(profile));
      return idle;
    },
    hasRoom: () => freemem() > Math.max(LEAST_FREE_BYTES, totalmem() / 10),
  });
  const kept = new Kept({ clock, log, max: options.warm });
  const fresh = (request: SlotRequest, events: SlotEvents): Slot =>
    pool.fetch(request, events) ?? makeColdSlot(slotContext(request.profile.runtime), request, events);
  const keyOf = (owner: string, profile: SlotProfile): string =>
    JSON.stringify([owner, shelf.tagOf(profile.runtime), profile]);
  const slots: SlotSource = {
    reserve: (profile, owner) => (owner === null ? null : kept.reserve(keyOf(owner, profile))) ?? pool.reserve(profile),
    take: (request, events) => {
      const { owner, profile, slot } = request;
      const served = kept.fetch(slot);
      if (served !== null) {
        return served.serve(events);
      }
      // What ends the processes of one job would end the tunnel of the next.
      if (owner === null || !kept.active || tunnelled || !mayWait(profile) || profile.image !== null) {
        return fresh(request, events);
      }
      const shared = new SharedSlot({
        name: slot,
        key: keyOf(owner, profile),
        now: () => clock.monotonic(),
        keep: (one) => kept.keep(one),
      });
      shared.attach(fresh(request, shared.events));
      return shared.serve(events);
    },
  };

  return {
    name: "docker",
    hasRuntimeApi: true,
    ...(tunnelled ? { apiAddress: TUNNEL_ADDRESS } : {}),
    slots,
    warm: {
      get size() {
        return pool.size + kept.size;
      },
      get counts() {
        return countAlike(pool.profiles());
      },
      open: (sockets) => {
        pool.open(sockets);
        kept.open(sockets);
      },
      close: async () => void (await Promise.all([pool.close(), kept.close()])),
    },
    engine: () => engineFacts(options.freshDocker),
    failed,
    get stuck() {
      return removals.stuck;
    },
    get engineVersion() {
      return engine.version;
    },
    get notReady(): readonly NotReadyReason[] {
      if (!engine.up) {
        return ["docker_down"];
      }
      return shelf.missing.length > 0 ? ["images_missing"] : [];
    },
    async open(onChange) {
      await engine.look();
      await comingUp;
      await shelf.settled();
      changed = onChange;
    },
    adopt: (request, events, seen) => adoptSlot(slotContext(request.definition.runtime), request, events, seen),
    check: (runtime) => whyNot(engine, shelf, runtime) ?? removals.problem,
    sweep: async (isLive) => {
      const live = (runId: string, attempt: number, slot: string): boolean =>
        pool.has(slot) || kept.has(slot) || layers.isFilling(slot) || isLive(runId, attempt, slot);
      const ofSlot = (slot: string): boolean => live("", 0, slot);
      const tags = runtimes.map((runtime) => shelf.tagOf(runtime));
      // What stands on a container goes after it.
      const containers = await sweep({ docker, runnerId, log, failed, removals }, live);
      const others = await Promise.all([
        sweepNetworks({ docker, runnerId }, ofSlot),
        sweepDisks(disk, ofSlot),
        sweepBootVolumes({ docker, runnerId }, tags),
      ]);
      return others.reduce((sum, gone) => sum + gone, containers);
    },
    async close() {
      await Promise.all([pool.close(), kept.close()]);
      engine.close();
      kills.close();
      removals.close();
      await shelf.close();
    },
  };
}

function whyNot(engine: Engine, shelf: ImageShelf, runtime: Runtime): string | null {
  if (!engine.up) {
    return `Docker does not answer on this machine: ${engine.problem ?? "no answer"}`;
  }
  if (shelf.tagOf(runtime) === null) {
    return `This runner has no image for ${runtime}.`;
  }
  return shelf.missing.includes(runtime) ? `The image for ${runtime} is not on this machine yet.` : null;
}

/** Folders, disks, packages and networks are the job's own affair, and few jobs have the same. */
function mayWait({ mounts, limits, packages, bridge }: SlotProfile): boolean {
  return mounts.length === 0 && limits.diskMb === null && packages.length === 0 && !bridge;
}

async function sweep(
  {
    docker,
    runnerId,
    log,
    failed,
    removals,
  }: Pick<DockerExecutorOptions, "docker" | "runnerId" | "log"> & Pick<ColdSlotContext, "failed" | "removals">,
  isLive: (runId: string, attempt: number, slot: string) => boolean,
): Promise<number> {
  const containers = await docker.listContainers({ all: true, filters: { label: [`cronium.runner=${runnerId}`] } });
  const staying = failed.staying(containers);
  const orphans = containers.filter(
    ({ Id: id, Labels: labels }) =>
      !staying.has(id) &&
      !removals.has(id) &&
      !isLive(labels["cronium.run"] ?? "", Number(labels["cronium.attempt"]), labels["cronium.slot"] ?? ""),
  );
  const results = await Promise.allSettled(orphans.map((orphan) => removals.remove(orphan.Id)));
  for (const [index, result] of results.entries()) {
    if (result.status === "rejected" && isDaemonGone(result.reason)) {
      throw result.reason;
    }
    if (result.status === "rejected") {
      log.warn("sweep.container_stays", { container: orphans[index]?.Id, problem: errorText(result.reason) });
    }
  }
  return results.filter((result) => result.status === "fulfilled").length;
}
