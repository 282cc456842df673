/** Runs that have used up their retries, for tests of what can be done with them. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { Connection } from "./fake-runner.ts";
import type { Plane } from "./plane.ts";

/** The daemon fails the attempt, and every retry has been made already: the next job must be of this run. */
export async function failForGood(plane: Plane, connection: Connection, logBytes = 0): Promise<string> {
  const job = await connection.job();
  await connection.accept(job);
  await exhaust(plane, job.runId);
  await connection.finish(job, daemonGone, logBytes);
  return job.runId;
}

export const daemonGone = {
  outcome: "failed",
  failReason: "daemon",
  message: "Docker is gone.",
  exitCode: null,
} as const;

/** As after three failures of the surroundings, whose pauses a test does not wait for. */
export async function exhaust(plane: Plane, runId: string): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec("UPDATE runs SET infra_failures = 3 WHERE id = ?", runId);
  });
  // What it remembers of the run is out of date now.
  await evictDurableObject(plane.dispatcherStub);
}
