/** What must not stay behind when a run has ended. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";

/** Ids of containers, running or not, that belong to the run. */
export async function containersOf(runId: string): Promise<readonly string[]> {
  const list = await new Docker().listContainers({ all: true, filters: { label: [`cronium.run=${runId}`] } });
  return list.map((container) => container.Id);
}

/** Of the runner with this data folder: containers of jobs, and those that wait for one, beyond as many as may wait. */
export async function containersBeyond(dataDir: string, waiting: number): Promise<readonly string[]> {
  const { registration } = JSON.parse(readFileSync(join(dataDir, "credential.json"), "utf8")) as {
    registration: { runnerId: string };
  };
  const filters = { label: [`cronium.runner=${registration.runnerId}`] };
  const list = await new Docker().listContainers({ all: true, filters });
  const waits = list.filter(({ Names }) => Names.every((name) => name.startsWith("/cronium-slot-")));
  const others = list.filter((container) => !waits.includes(container));
  return [...others, ...waits.slice(waiting)].map(({ Names }) => Names.join(" "));
}
