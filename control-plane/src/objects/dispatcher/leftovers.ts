/** What is left of a queue at a Dispatcher that had it: the answer, and the question of the one that has it now. */
import type { Leftovers } from "../../domain/sharding.ts";
import { readLanes } from "./lanes.ts";
import type { Shell, Turn } from "./shell.ts";
import { inTurn } from "./turns.ts";

/** Asks the other Dispatchers whether they are done. Never throws: the alarm asks again. */
export async function settleHandovers(shell: Shell): Promise<void> {
  for (const [queue, shard] of shell.handovers) {
    const { generation } = shell.sql.exec("SELECT generation FROM handovers WHERE queue = ?", queue).one();
    try {
      const leftovers = await shell.deps.dispatcherFor(shell.workspaceId, shard).leftOf(queue);
      if (!leftovers.left) {
        inTurn(shell, (turn) => settle(shell, turn, queue, generation as number, leftovers));
      }
    } catch (error) {
      shell.deps.log.warn("handover.not_answered", { workspaceId: shell.workspaceId, queue, error: String(error) });
    }
  }
}

function settle(shell: Shell, turn: Turn, queue: string, generation: number, { buckets }: Leftovers): void {
  // Another move may have come during the question.
  const changed = shell.sql
    .exec("UPDATE handovers SET waits_for = NULL WHERE queue = ? AND generation = ? RETURNING queue", queue, generation)
    .toArray();
  if (changed.length === 0) {
    return;
  }
  shell.handovers.delete(queue);
  for (const { eventId, tokens, at } of buckets) {
    shell.sql.exec(
      `INSERT INTO buckets (event_id, tokens, at) VALUES (?1, ?2, ?3)
       ON CONFLICT (event_id) DO UPDATE SET tokens = excluded.tokens, at = excluded.at WHERE excluded.at > buckets.at`,
      eventId,
      tokens,
      at,
    );
    shell.line?.buckets.delete(eventId);
  }
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
  shell.deps.log.info("queue.handed_over", { workspaceId: shell.workspaceId, shard: shell.shard, queue });
}

/** Two looks into indexes: runs of the queue that wait, and those that have a place. */
export function leftOf(shell: Shell, queue: string): Leftovers {
  const waits = readLanes(shell).some(
    (lane) =>
      lane.queue === queue &&
      shell.sql
        .exec("SELECT 1 FROM runs INDEXED BY runs_lane WHERE state = 'queued' AND lane = ? LIMIT 1", lane.id)
        .toArray().length > 0,
  );
  const left =
    waits ||
    shell.sql.exec("SELECT 1 FROM runs INDEXED BY runs_holding WHERE holds = 1 AND queue = ? LIMIT 1", queue).toArray()
      .length > 0;
  const buckets = left
    ? []
    : shell.sql
        .exec("SELECT event_id, tokens, at FROM buckets")
        .toArray()
        .map((row) => ({
          eventId: row["event_id"] as string,
          tokens: row["tokens"] as number,
          at: row["at"] as number,
        }));
  return { left, buckets };
}
