/**
 * What Podman wants otherwise than Docker, behind the same API. Seen with Podman 4.3.1 (API 1.41), as root:
 *
 * - `NetworkDisabled` is accepted and has no effect: the container gets Podman's default network. `NetworkMode: none`
 *   holds.
 * - A folder in memory has no `uid` and `gid`: the container is refused. `U` gives it to the container's user, and
 *   without `notmpcopyup` it takes over mode and files of the image's folder.
 * - There is no log driver `local`. What `json-file` stands for there starts anew when it is full, unseen by readers, so
 *   nothing is stored; what a job prints while its runner is away is declared lost.
 * - A folder that is to be mounted and is not there is made when the container is created, by root, not when it starts:
 *   a job's socket could not be made in it any more.
 * - A volume gets the image's files when the container starts, not when it is created.
 * - Nobody is told of `docker stop`, and out of memory is not told from SIGKILL.
 */
import { existsSync } from "node:fs";
import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import { type Clock, delay } from "../../base/clock.ts";
import { ExecutorError } from "../types.ts";

const LOOK_EVERY_MS = 10;
/** For the sidecar to make one folder. */
const FOLDER_WITHIN_MS = 60_000;

/** The same client, whose containers are made as the engine behind it wants them; it is asked before each. */
export function speaking(docker: Docker, isPodman: () => boolean): Docker {
  const create = (options: ContainerCreateOptions): Promise<Docker.Container> =>
    docker.createContainer(isPodman() ? forPodman(options) : options);
  return Object.assign(Object.create(docker) as Docker, { createContainer: create });
}

/** Resolves when the sidecar has made a job's folder, or when `signal` says that nobody waits for it any more. */
export async function folderIsThere(folder: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadline = clock.monotonic() + FOLDER_WITHIN_MS;
  while (!existsSync(folder) && !signal.aborted) {
    if (clock.monotonic() > deadline) {
      throw new ExecutorError("start_failed", `The folder of the job's socket is not there: ${folder}`);
    }
    await delay(clock, LOOK_EVERY_MS, signal);
  }
}

/** Exported for its test. */
export function forPodman(options: ContainerCreateOptions): ContainerCreateOptions {
  const { NetworkDisabled: noNetwork, HostConfig: host = {}, ...rest } = options;
  return {
    ...rest,
    HostConfig: {
      ...host,
      ...(noNetwork === true ? { NetworkMode: "none" } : {}),
      ...(host.LogConfig?.Type === "local" ? { LogConfig: { Type: "none", Config: {} } } : {}),
      ...(host.Tmpfs === undefined ? {} : { Tmpfs: tmpfsForPodman(host.Tmpfs as Record<string, string>) }),
    },
  };
}

function tmpfsForPodman(tmpfs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tmpfs).map(([path, text]) => {
      const words = text.split(",");
      const kept = words.filter((word) => !/^[ug]id=/.test(word));
      return [path, [...kept, ...(kept.length < words.length ? ["U"] : []), "notmpcopyup"].join(",")];
    }),
  );
}
