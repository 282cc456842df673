/**
 * Home's table of shards and of queues that have one. In memory too: a trigger is placed without a query.
 *
 * A queue that was given a shard of its own, or has come home again, has a route with a generation, which grows with
 * every move. A trigger carries the generation under which home placed it, and a shard that has let go of a queue takes
 * nothing of that generation or an older one, ever: so a trigger that was under way during a move is placed again, and
 * never made twice.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { ServerMessage } from "@cronium/protocol";
import type { Route, Shell, Turn } from "./shell.ts";

export function readShards(sql: SqlStorage): number[] {
  return sql
    .exec("SELECT shard FROM shards ORDER BY shard")
    .toArray()
    .map((row) => row["shard"] as number);
}

export function readRoutes(sql: SqlStorage): Map<string, Route> {
  return new Map(
    sql
      .exec("SELECT queue, shard, generation, previous, leaving, owned FROM routes")
      .toArray()
      .map((row) => [
        row["queue"] as string,
        {
          shard: row["shard"] as number,
          generation: row["generation"] as number,
          previous: row["previous"] as number | null,
          leaving: row["leaving"] === 1,
          owned: JSON.parse(row["owned"] as string) as Route["owned"],
        },
      ]),
  );
}

export function writeRoute(shell: Shell, queue: string, route: Route): void {
  shell.sql.exec(
    "INSERT OR REPLACE INTO routes (queue, shard, generation, previous, leaving, owned) VALUES (?, ?, ?, ?, ?, ?)",
    queue,
    route.shard,
    route.generation,
    route.previous,
    Number(route.leaving),
    JSON.stringify(route.owned),
  );
  shell.routes.set(queue, route);
}

export function addShard(shell: Shell, turn: Turn, shard: number): void {
  shell.sql.exec("INSERT OR IGNORE INTO shards (shard, created_at) VALUES (?, ?)", shard, turn.now);
  shell.shards = readShards(shell.sql);
}

/** Which shard takes triggers of this queue now. */
export function ownerOf(shell: Shell, queue: string): number {
  return shell.routes.get(queue)?.shard ?? HOME_SHARD;
}

/** What a connected runner is told: whom else to serve. Versions that know no shards ignore it. */
export function shardsMessage(shell: Shell): ServerMessage {
  return { type: "shards", shards: [...shell.shards] };
}
