/** Runs in a thread of its own, so that what floods takes nothing from what measures: requests without a pause. */
import { parentPort, workerData } from "node:worker_threads";
import { httpClient } from "./http-client.ts";

/** Given to the thread. */
export interface FloodTask {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where each is sent to. */
  readonly path: string;
  /** Requests under way at a time. */
  readonly clients: number;
}

/** Sent to the thread; `count anew` forgets the answers so far. */
export type FloodWish = "stop" | "count anew";

/** What the thread says when it has stopped: answers by status. */
export type FloodCount = Readonly<Record<string, number>>;

const { url, headers, path, clients } = workerData as FloodTask;
const http = httpClient(url, headers);
let counts: Record<string, number> = {};
let stopped = false;
parentPort?.on("message", (wish: FloodWish) => {
  if (wish === "stop") {
    stopped = true;
  } else {
    counts = {};
  }
});
await Promise.all(
  Array.from({ length: clients }, async () => {
    while (!stopped) {
      const { status } = await http.request("POST", path, { input: null });
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }),
);
http.close();
parentPort?.postMessage(counts satisfies FloodCount);
parentPort?.close();
