/** A flood in a thread of its own. */
import { Worker } from "node:worker_threads";
import type { FloodCount, FloodTask, FloodWish } from "./flood.ts";
import { within } from "./wait.ts";

export interface Flood {
  countAnew(): void;
  /** Ends it; resolves with what it was answered. */
  stop(): Promise<FloodCount>;
}

export function startFlood(task: FloodTask): Flood {
  const thread = new Worker(new URL("./flood.ts", import.meta.url), { workerData: task });
  const counted = new Promise<FloodCount>((resolve, reject) => {
    thread.once("message", resolve).once("error", reject);
  });
  const wish = (what: FloodWish): void => thread.postMessage(what);
  return {
    countAnew: () => wish("count anew"),
    stop: () => {
      wish("stop");
      return within("the flood to end", 60_000, counted);
    },
  };
}
