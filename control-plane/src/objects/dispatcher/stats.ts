/** The state of the engine in numbers: each is a row that was kept up to date, or the first entry of an index. */
import type { EngineStats } from "../../domain/engine-stats.ts";
import { HOUR_MS } from "./metrics.ts";
import { countOutbox } from "./outbox.ts";
import type { Shell } from "./shell.ts";
import { LIVE_TAG } from "./sockets.ts";

/** A day, and the hour that is not over yet. */
const KEEP_HOURS = 25;

/** Runs that only wait for a time are not late, and so not looked at. One look into an index for each lane. */
export const OLDEST = `
  SELECT min((SELECT max(queued_at, not_before) FROM runs INDEXED BY runs_lane
    WHERE state = 'queued' AND lane = lanes.id AND offered = 0 AND gate = '' ORDER BY n LIMIT 1)) AS at FROM lanes`;

export function readStats(shell: Shell): EngineStats {
  const now = shell.deps.clock.now();
  const counters = shell.sql
    .exec("SELECT name, hour, value FROM counters WHERE value <> 0 AND (hour = 0 OR hour > ?)", now - 24 * HOUR_MS)
    .toArray() as unknown as { readonly name: string; readonly hour: number; readonly value: number }[];
  const time = (query: string): number | null => shell.sql.exec(query).one()["at"] as number | null;
  const fleet = [...shell.fleet.values()].filter((runner) => runner.revokedAt === null);
  return {
    now,
    live: Object.fromEntries(counters.filter(({ hour }) => hour === 0).map(({ name, value }) => [name, value])),
    deadLetters: counters.find(({ hour, name }) => hour === 0 && name === "dead_letters")?.value ?? 0,
    hours: counters.filter(({ hour }) => hour !== 0).map(({ name, hour, value }) => ({ at: hour, name, count: value })),
    oldestQueuedAt: time(OLDEST),
    outboxRows: countOutbox(shell),
    outboxOldestAt: time("SELECT min(at) AS at FROM outbox"),
    runners: {
      registered: fleet.length,
      connected: fleet.filter((runner) => runner.connected).length,
      quarantined: fleet.filter((runner) => runner.quarantinedAt !== null).length,
    },
    viewers: shell.ctx.getWebSockets(LIVE_TAG).length,
    meters: shell.meters,
  };
}

export function forgetOldCounters(shell: Shell, now: number): void {
  shell.sql.exec("DELETE FROM counters WHERE hour > 0 AND hour <= ?", now - KEEP_HOURS * HOUR_MS);
}
