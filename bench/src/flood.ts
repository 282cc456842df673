/** Runs in a thread of its own, so that what floods takes nothing from what measures: triggers without a pause. */
import { parentPort, workerData } from "node:worker_threads";
import { httpClient } from "./http-client.ts";

/** Given to the thread. */
export interface FloodTask {
  readonly url: string;
  readonly apiKey: string;
  readonly eventId: string;
  /** Requests under way at a time. */
  readonly clients: number;
}

/** What the thread says when it has stopped, having been sent anything: answers by status. */
export type FloodCount = Readonly<Record<string, number>>;

const { url, apiKey, eventId, clients } = workerData as FloodTask;
const http = httpClient(url, { authorization: `Bearer ${apiKey}` });
const counts: Record<string, number> = {};
let stopped = false;
parentPort?.once("message", () => {
  stopped = true;
});
await Promise.all(
  Array.from({ length: clients }, async () => {
    while (!stopped) {
      const { status } = await http.request("POST", `/api/v1/events/${eventId}/runs`, { input: null });
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }),
);
http.close();
parentPort?.postMessage(counts satisfies FloodCount);
