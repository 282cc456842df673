/**
 * Queues that were taken over from another Dispatcher. What it had queued and under way stays there to its end; new runs
 * start here meanwhile, but for those of events with limits: two Dispatchers that count places apart would let more
 * through than the limit says, so these wait until nothing of the queue is left there.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { EventQueueing } from "@cronium/protocol/queueing";
import { ownerOf } from "./shards.ts";
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

/** Whether the queue is another Dispatcher's by now. */
export function hasLetGo(shell: Shell, queue: string): boolean {
  if (shell.shard === HOME_SHARD) {
    return ownerOf(shell, queue) !== HOME_SHARD;
  }
  const generation = (table: "handovers" | "released"): number =>
    (shell.sql.exec(`SELECT generation FROM ${table} WHERE queue = ?`, queue).toArray()[0]?.["generation"] ??
      0) as number;
  return generation("released") >= generation("handovers");
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
