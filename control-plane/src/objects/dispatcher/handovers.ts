/**
 * Queues that were taken over from another Dispatcher. What it had queued and under way stays there to its end; new runs
 * start here meanwhile, but for those of events with limits: two Dispatchers that count places apart would let more
 * through than the limit says, so these wait until nothing of the queue is left there.
 */
import type { EventQueueing } from "@cronium/protocol/queueing";
import { wakeBy, type Shell, type Turn } from "./shell.ts";

const ASK_AGAIN_MS = 500;

/** Queues with something left elsewhere, and where. */
export function readHandovers(sql: SqlStorage): Map<string, number> {
  return new Map(
    sql
      .exec("SELECT queue, waits_for FROM handovers WHERE waits_for IS NOT NULL")
      .toArray()
      .map((row) => [row["queue"] as string, row["waits_for"] as number]),
  );
}

/** The queue is this Dispatcher's from this generation on. Repeating it changes nothing. */
export function takeOver(
  shell: Shell,
  turn: Turn,
  taken: { readonly queue: string; readonly generation: number; readonly previous: number | null },
): void {
  const { queue, generation, previous } = taken;
  const known = shell.sql.exec("SELECT generation FROM handovers WHERE queue = ?", queue).toArray()[0];
  if (known !== undefined && (known["generation"] as number) >= generation) {
    return;
  }
  shell.sql.exec(
    "INSERT OR REPLACE INTO handovers (queue, generation, waits_for) VALUES (?, ?, ?)",
    queue,
    generation,
    previous,
  );
  if (previous === null) {
    shell.handovers.delete(queue);
  } else {
    shell.handovers.set(queue, previous);
  }
  wakeBy(turn, handoverDueAt(shell, turn.now));
  turn.pumpNeeded = true;
}

/** Whether runs of this event may have to wait for places that another Dispatcher counts. */
export function isLimited({ concurrency, concurrencyKey, rateLimit }: EventQueueing): boolean {
  return concurrency !== null || concurrencyKey !== null || rateLimit !== null;
}

export function handoverMessage(queue: string): string {
  return `The queue ${queue} has moved between shards, and runs of it from before the move have not ended. This event has limits, so its runs start when those have.`;
}

export function handoverDueAt(shell: Shell, now: number): number {
  return shell.handovers.size === 0 ? Number.POSITIVE_INFINITY : now + ASK_AGAIN_MS;
}
