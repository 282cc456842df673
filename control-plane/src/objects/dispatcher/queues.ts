/** Named queues: what waits and runs in each, and which are paused. */
import type { Queue } from "@cronium/protocol";
import { DEFAULT_QUEUE } from "@cronium/protocol/queueing";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { tellShards } from "./shard-news.ts";
import type { DispatcherApi } from "../../domain/dispatcher.ts";
import { readLanes } from "./lanes.ts";
import type { Shell, Turn } from "./shell.ts";

export function setQueuePause(
  shell: Shell,
  turn: Turn,
  { name, pause }: Parameters<DispatcherApi["setQueuePause"]>[0],
): Queue {
  if (pause === null) {
    shell.sql.exec("DELETE FROM paused_queues WHERE name = ?", name);
    shell.line?.paused.delete(name);
  } else {
    shell.sql.exec(
      "INSERT OR REPLACE INTO paused_queues (name, note, at) VALUES (?, ?, ?)",
      name,
      pause.note,
      turn.now,
    );
    shell.line?.paused.set(name, pause.note);
  }
  tellShards(shell, turn, "rules");
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
  return readQueue(shell, name);
}

export function readQueue(shell: Shell, name: string): Queue {
  return readQueues(shell).find((queue) => queue.name === name) ?? emptyQueue(name);
}

/** Those in which something waits or runs, those that are paused or have a shard, and the default one; by name. */
export function readQueues(shell: Shell): Queue[] {
  const queues = new Map<string, { -readonly [K in keyof Queue]: Queue[K] }>();
  const of = (name: string) => {
    const known = queues.get(name) ?? emptyQueue(name);
    queues.set(name, known);
    return known;
  };
  of(DEFAULT_QUEUE);
  for (const [name, { shard }] of shell.routes) {
    if (shard !== HOME_SHARD) {
      of(name).shard = shard;
    }
  }
  const depths = new Map<number, number>();
  for (const row of shell.sql.exec(
    "SELECT lane, count(*) AS depth FROM runs INDEXED BY runs_lane WHERE state = 'queued' AND offered = 0 GROUP BY lane",
  )) {
    depths.set(row["lane"] as number, row["depth"] as number);
  }
  for (const { id, queue: name } of readLanes(shell)) {
    const depth = depths.get(id) ?? 0;
    if (depth > 0) {
      const queue = of(name);
      queue.depth += depth;
      queue.oldestQueuedAt = older(queue.oldestQueuedAt, oldestOf(shell, id));
    }
  }
  for (const row of shell.sql.exec(
    `SELECT queue, count(*) AS running FROM runs INDEXED BY runs_holding
     WHERE holds = 1 AND (state <> 'queued' OR offered = 1) GROUP BY queue`,
  )) {
    of(row["queue"] as string).running = row["running"] as number;
  }
  for (const row of shell.sql.exec("SELECT name, note, at FROM paused_queues")) {
    of(row["name"] as string).paused = {
      note: row["note"] as string,
      at: new Date(row["at"] as number).toISOString(),
    };
  }
  return [...queues.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The first of a lane that is ready, or waits for a place: those that wait for a moment asked for it. */
function oldestOf(shell: Shell, lane: number): string | null {
  const times = ["", "key"].flatMap((gate) =>
    shell.sql
      .exec(
        `SELECT queued_at FROM runs INDEXED BY runs_lane
         WHERE state = 'queued' AND lane = ? AND offered = 0 AND gate = ? ORDER BY n LIMIT 1`,
        lane,
        gate,
      )
      .toArray()
      .map((row) => row["queued_at"] as number),
  );
  return times.length === 0 ? null : new Date(Math.min(...times)).toISOString();
}

function older(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b < a) ? b : a;
}

function emptyQueue(name: string): Queue {
  return { name, depth: 0, running: 0, oldestQueuedAt: null, paused: null, shard: HOME_SHARD };
}
