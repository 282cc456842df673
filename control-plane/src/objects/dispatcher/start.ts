/** What an instance of the Dispatcher does first: read its tables, and find out whom it lost while it was away. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { Deps } from "../../deps.ts";
import { readDispatcherName } from "../../domain/dispatcher-name.ts";
import { readCallers } from "./calls/kept-answers.ts";
import { readReaders } from "./calls/readers.ts";
import { forgiveOutage, readTickDueAt } from "./leases.ts";
import { newMeters } from "./metrics.ts";
import { RecentRuns } from "./recent-runs.ts";
import { sealAddresses } from "./endpoints.ts";
import { changeFleet, readFleet } from "./runners.ts";
import { migrate } from "./schema.ts";
import { hasOldBoxes } from "./secret-rotation.ts";
import { renewTimes } from "./schedules/zone-data.ts";
import { wakeBy, type Shell } from "./shell.ts";
import { readAllowance, readGrants } from "./allowances.ts";
import { readHandovers } from "./handovers.ts";
import { readHomeVariables } from "./handed-values.ts";
import { readWatchedUntil } from "./relay.ts";
import { readRoutes, readShards } from "./shards.ts";
import { attachmentOf, linksOf } from "./sockets.ts";
import { inTurn } from "./turns.ts";

/** Brings the tables up to date and reads what is kept in memory. `alarmAt` is read later, where waiting is possible. */
export function openShell(ctx: DurableObjectState, deps: Deps): Shell {
  const { sql } = ctx.storage;
  migrate(ctx.storage, deps.clock.now());
  return {
    ctx,
    sql,
    deps,
    ...readDispatcherName(ownName(ctx)),
    shards: readShards(sql),
    routes: readRoutes(sql),
    handovers: readHandovers(sql),
    homeHasVariables: readHomeVariables(sql),
    relay: { until: readWatchedUntil(sql), waiting: new Map(), sending: false, toldAt: 0 },
    places: {
      allowance: readAllowance(sql),
      grants: readGrants(sql),
      blocked: false,
      unreported: true,
      share: 0,
      asking: false,
      askedAt: 0,
    },
    fleet: readFleet(sql),
    line: null,
    events: new Map(),
    definitions: new Map(),
    recent: new RecentRuns(),
    heldOff: new Map(),
    measured: { latest: new Map(), asking: new Map() },
    alarmAt: null,
    tickDueAt: readTickDueAt(sql),
    draining: false,
    drainFailures: 0,
    tidiedAt: 0,
    retention: { busy: false, dueAt: 0, wakeAt: Number.POSITIVE_INFINITY },
    retries: { busy: false, dueAt: 0, failures: 0 },
    scheduling: { ask: new Set(), cancel: new Set(), busy: false, dueAt: 0 },
    chaining: { busy: false },
    triggers: null,
    expressions: new Map(),
    variables: null,
    readers: readReaders(sql, deps.clock.now()),
    callers: readCallers(sql),
    unreadable: new Set(),
    meters: newMeters(),
    polls: new Map(),
    watches: new Map(
      sql
        .exec("SELECT run_id, until FROM watches")
        .toArray()
        .map((row) => [row["run_id"] as string, row["until"] as number]),
    ),
  };
}

/**
 * Runners whose link vanished with an earlier process are offline until they return; their leases start anew. Schedules
 * look at their zones.
 */
export function afterStart(shell: Shell): void {
  renewTimes(shell);
  inTurn(shell, (turn) => {
    forgiveOutage(shell, turn);
    if (shell.shard === HOME_SHARD) {
      sealAddresses(shell, turn);
    }
    if (hasOldBoxes(shell)) {
      wakeBy(turn, turn.now);
    }
    for (const runner of shell.fleet.values()) {
      if (runner.connected && hasNoLink(shell, runner.id)) {
        changeFleet(shell, turn, runner.id, { connected: false });
      }
    }
  });
}

function hasNoLink(shell: Shell, runnerId: string): boolean {
  return !linksOf(shell, runnerId).some((link) => {
    const attachment = attachmentOf(link);
    return attachment?.kind === "runner" && attachment.stage === "ready";
  });
}

/** Kept from the first touch on: an instance that an alarm starts may not be told its name. */
function ownName(ctx: DurableObjectState): string {
  const stored = ctx.storage.sql.exec("SELECT value FROM meta WHERE key = 'workspace_id'").toArray()[0];
  if (stored !== undefined) {
    return stored["value"] as string;
  }
  const { name } = ctx.id;
  if (name === undefined) {
    throw new Error("A Dispatcher is reached by its name, never by a bare id.");
  }
  ctx.storage.sql.exec("INSERT INTO meta (key, value) VALUES ('workspace_id', ?)", name);
  return name;
}
