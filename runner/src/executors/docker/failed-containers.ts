/**
 * Containers of failed runs that stay for people to look at. Their names say whose they are and until when, because
 * labels cannot change after the making: a process that starts later knows as much of them. There are no more than
 * `limit` on one runner; the oldest goes first.
 */
import type Docker from "dockerode";
import { errorText, type Log } from "../../base/log.ts";
import type { FailedContainer } from "../types.ts";
import { API_FOLDER } from "./create-options.ts";
import { JOB_UID } from "./limits.ts";
import type { Removals } from "./removals.ts";

const NAME = /^\/?cronium-kept-(.+)-(\d{1,9})-(\d{10,12})$/;

export function keptName({ runId, attempt }: { runId: string; attempt: number }, untilMs: number): string {
  return `cronium-kept-${runId}-${attempt}-${Math.ceil(untilMs / 1_000)}`;
}

/** Null for the name of any other container. */
export function readKeptName(name: string): Pick<FailedContainer, "runId" | "attempt" | "untilMs"> | null {
  const [, runId, attempt, until] = NAME.exec(name) ?? [];
  return runId === undefined ? null : { runId, attempt: Number(attempt), untilMs: Number(until) * 1_000 };
}

export interface FailedContainersOptions {
  readonly docker: Docker;
  readonly runnerId: string;
  /** Most that stay; 0: none. */
  readonly limit: number;
  /** Folder of the runner's own files: what jobs had mounted from there is gone when they have ended. */
  readonly dataDir: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  readonly removals: Pick<Removals, "remove">;
}

export class FailedContainers {
  private readonly options: FailedContainersOptions;
  /** As of the last look, the newest first. */
  list: readonly FailedContainer[] = [];

  constructor(options: FailedContainersOptions) {
    this.options = options;
  }

  get limit(): number {
    return this.options.limit;
  }

  /** Asks the engine, and removes what has stayed for long enough or is too much. */
  async look(): Promise<readonly FailedContainer[]> {
    const { docker, runnerId, log, removals } = this.options;
    const label = [`cronium.runner=${runnerId}`];
    const containers = await docker.listContainers({ all: true, filters: { label } });
    const stay = this.staying(containers);
    const rest = containers.filter(({ Id: id, Names: names }) => !stay.has(id) && names.some(isKeptName));
    for (const { Id: id } of rest) {
      await removals
        .remove(id)
        .catch((error: unknown) => log.warn("kept.container_stays", { container: id, problem: errorText(error) }));
    }
    return this.list;
  }

  /** Ids of those that stay, of all containers of this runner. */
  staying(containers: readonly Docker.ContainerInfo[]): ReadonlySet<string> {
    const { limit, now } = this.options;
    const found = containers.flatMap((one) => this.read(one)).filter(({ untilMs }) => untilMs > now());
    const newest = found.toSorted((a, b) => b.createdMs - a.createdMs).slice(0, limit);
    this.list = newest.map(({ createdMs: _created, ...one }) => one);
    return new Set(newest.map(({ id }) => id));
  }

  private read(one: Docker.ContainerInfo): (FailedContainer & { readonly createdMs: number })[] {
    const name = one.Names.find(isKeptName)?.replace("/", "");
    const of = name === undefined ? null : readKeptName(name);
    if (name === undefined || of === null) {
      return [];
    }
    const look = [
      { what: "what it printed", command: ["docker", "logs", name] },
      { what: "how it ended, and its settings", command: ["docker", "inspect", name] },
      { what: "its files", command: ["docker", "export", "--output", `${name}.tar`, name] },
      { what: "its files as an image", command: ["docker", "commit", name, "cronium-look"] },
      { what: "a shell in its image", command: this.shell(one) },
      { what: "away with it", command: ["docker", "rm", name] },
    ];
    return [{ ...of, name, id: one.Id, image: one.Image, look, createdMs: one.Created * 1_000 }];
  }

  /** Without a network and without rights, as the job was, and with the folders of the machine that it had. */
  private shell({ ImageID: image, Mounts: mounts }: Docker.ContainerInfo): string[] {
    const own = `uid=${JOB_UID},gid=${JOB_UID}`;
    const given = mounts.filter(
      ({ Type: type, Destination: target, Source: source }) =>
        target !== API_FOLDER && (type === "volume" || (type === "bind" && !source.startsWith(this.options.dataDir))),
    );
    return [
      ...["docker", "run", "--rm", "-it", "--network", "none", "--read-only", "--cap-drop", "ALL"],
      ...["--security-opt", "no-new-privileges", "--user", `${JOB_UID}:${JOB_UID}`, "--pids-limit", "256"],
      ...["--tmpfs", "/tmp:exec,mode=1777", "--tmpfs", `/workspace:exec,mode=0700,${own}`, "--workdir", "/workspace"],
      ...given.flatMap(({ Type: type, Name: name, Source: source, Destination: target }) => [
        "--mount",
        `type=${type},source=${type === "volume" ? (name ?? source) : source},target=${target},readonly`,
      ]),
      ...["--entrypoint", "sh", image],
    ];
  }
}

function isKeptName(name: string): boolean {
  return NAME.test(name);
}
