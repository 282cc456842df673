/** Events and runs that wait, for tests of the queue. */
import type { Connection } from "./fake-runner.ts";
import type { Plane } from "./plane.ts";

type Fields = Readonly<Record<string, unknown>>;

export async function createEvent(plane: Plane, fields: Fields = {}): Promise<string> {
  const body = { name: "e", runtime: "bash", script: "true", ...fields };
  return (await plane.expectJson<{ id: string }>(201, "POST", "/events", body)).id;
}

export async function trigger(plane: Plane, eventId: string, body: Fields = {}): Promise<string> {
  return (await plane.expectJson<{ runId: string }>(202, "POST", `/events/${eventId}/runs`, body)).runId;
}

/** Runs one job after the other; the runs in the order of their starts. */
export async function serveAll(connection: Connection, count: number): Promise<string[]> {
  const order: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const job = await connection.job();
    order.push(job.runId);
    await connection.accept(job);
    await connection.finish(job);
  }
  return order;
}
