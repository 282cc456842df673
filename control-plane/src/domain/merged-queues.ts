/** The queues of a workspace's Dispatchers as one list: home's first, which says what is paused and who has which. */
import type { Queue } from "@cronium/protocol";

/** By name. */
export function mergeQueues([home, ...shards]: readonly [readonly Queue[], ...(readonly Queue[])[]]): Queue[] {
  const queues = new Map(home.map((queue) => [queue.name, queue]));
  for (const queue of shards.flat()) {
    const known = queues.get(queue.name);
    // Pauses that a shard was told are listed by home already.
    if (known !== undefined || queue.depth + queue.running > 0) {
      queues.set(queue.name, known === undefined ? queue : sum(known, queue));
    }
  }
  return [...queues.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function sum(a: Queue, b: Queue): Queue {
  const times = [a.oldestQueuedAt, b.oldestQueuedAt].filter((time) => time !== null);
  return {
    ...a,
    depth: a.depth + b.depth,
    running: a.running + b.running,
    oldestQueuedAt: times.toSorted()[0] ?? null,
  };
}
