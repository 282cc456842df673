/** Copies in memory of what is stored about shards, read again after a turn that failed. */
import { readAllowance, readGrants } from "./allowances.ts";
import { readHandovers } from "./handovers.ts";
import { readRoutes, readShards } from "./shards.ts";
import type { Shell } from "./shell.ts";

export function readShardTables(shell: Shell): void {
  shell.shards = readShards(shell.sql);
  shell.routes = readRoutes(shell.sql);
  shell.handovers = readHandovers(shell.sql);
  shell.places.allowance = readAllowance(shell.sql);
  shell.places.grants = readGrants(shell.sql);
}
