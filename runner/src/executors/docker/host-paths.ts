/**
 * Where folders of this process lie for the engine. The same, unless the runner itself works in a container: the engine
 * then knows a folder of it by what is mounted there, a volume or a folder of the machine, and binds that into jobs.
 *
 * Example: a volume `cronium` at /data, whose files the engine keeps at /var/lib/docker/volumes/cronium/_data. The socket
 * of a job at /data/sockets/s1 is bound as /var/lib/docker/volumes/cronium/_data/sockets/s1. A part of a volume could be
 * named instead, but engines before API 1.45 ignore which part, and every job would see all sockets.
 */
import { readFileSync } from "node:fs";
import type Docker from "dockerode";
import * as z from "zod";

export type HostPath = (path: string) => string;

const Mounts = z.object({ Mounts: z.array(z.object({ Source: z.string(), Destination: z.string() })) });

/** Rejects when the engine does not answer. What is not mounted from outside stays as it is. */
export async function hostPaths(docker: Docker, self: string | null = ownContainer()): Promise<HostPath> {
  if (self === null) {
    return (path) => path;
  }
  let inspected: unknown;
  try {
    inspected = await docker.getContainer(self).inspect();
  } catch (error) {
    if ((error as { readonly statusCode?: number }).statusCode === 404) {
      // A container of another engine than the one that it is to use.
      return (path) => path;
    }
    throw error;
  }
  const mounts = Mounts.parse(inspected).Mounts.toSorted((a, b) => b.Destination.length - a.Destination.length);
  return (path) => {
    const found = mounts.find(({ Destination: at }) => path === at || path.startsWith(`${at.replace(/\/$/, "")}/`));
    return found === undefined ? path : found.Source + path.slice(found.Destination.replace(/\/$/, "").length);
  };
}

/** Id of the container that this process is in, by the files that Docker mounts into each; null outside of one. */
export function ownContainer(mountInfo = readMountInfo()): string | null {
  return /\/containers\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf) /.exec(mountInfo)?.[1] ?? null;
}

function readMountInfo(): string {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return "";
  }
}
