/** What must not stay behind when a run has ended. */
import Docker from "dockerode";

/** Ids of containers, running or not, that belong to the run. */
export async function containersOf(runId: string): Promise<readonly string[]> {
  const list = await new Docker().listContainers({ all: true, filters: { label: [`cronium.run=${runId}`] } });
  return list.map((container) => container.Id);
}
