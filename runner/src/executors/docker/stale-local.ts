/** Containers of `cronium-runner run` whose process was killed: nobody else would take them away. */
import type Docker from "dockerode";
import { processStart } from "../../base/process-start.ts";

/** Owner label of what this process makes; it says whose it is after the process is gone too. */
export function localOwner(): string {
  return `local-${process.pid}-${processStart(process.pid)}`;
}

/** Never rejects: what stays is in nobody's way. */
export async function removeStaleLocal(docker: Docker): Promise<void> {
  const containers = await docker.listContainers({ all: true, filters: { label: ["cronium.runner"] } }).catch(() => []);
  const stale = containers.filter(({ Labels: labels }) => {
    const [, pid, start] = /^local-(\d+)-(\d+)$/.exec(labels["cronium.runner"] ?? "") ?? [];
    return pid !== undefined && processStart(Number(pid)) !== start;
  });
  await Promise.allSettled(stale.map(({ Id: id }) => docker.getContainer(id).remove({ force: true, v: true })));
}
