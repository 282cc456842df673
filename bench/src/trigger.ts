/** One trigger over the API, as a client sees it. */
import { watchRun } from "./live.ts";
import type { Plane } from "./plane.ts";

/** Milliseconds, or null when the run ended without the line. The run has finished when this resolves. */
export async function triggerToFirstLine(plane: Plane, eventId: string): Promise<number | null> {
  const begin = performance.now();
  const { runId } = await plane.call("POST", `/events/${eventId}/runs`, { input: null });
  let first: number | null = null;
  const run = await watchRun(plane, runId, (frame) => {
    if (first === null && frame.header.stream === "stdout") {
      first = performance.now() - begin;
    }
  });
  return run.state === "succeeded" ? first : null;
}
