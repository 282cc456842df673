/** The end of a Dispatcher, with its workspace. */
import { closeCodes } from "@cronium/protocol/runner";
import { cancelRun } from "./cancel.ts";
import { LIVE } from "./places.ts";
import { revokeRunner } from "./revocation.ts";
import type { Shell } from "./shell.ts";
import { closeSocket } from "./sockets.ts";
import { inTurn } from "./turns.ts";

/** Cancels what runs, cuts off every runner and watcher. May be repeated; what waits is left to be erased. */
export function closeDown(shell: Shell): void {
  inTurn(shell, (turn) => {
    const live = shell.sql.exec(`SELECT DISTINCT run_id FROM attempts WHERE ${LIVE}`).toArray();
    for (const row of live) {
      cancelRun(shell, turn, row["run_id"] as string);
    }
  });
  // Runners have been told to stop what they do; their sockets close behind that.
  for (const runner of shell.fleet.values()) {
    if (runner.revokedAt === null) {
      revokeRunner(shell, runner.id);
    }
  }
  for (const socket of shell.ctx.getWebSockets()) {
    closeSocket(socket, closeCodes.revoked, "the workspace was deleted");
  }
}

/** Runs that may have a log room, by id. */
export function listRooms(
  shell: Shell,
  { after, limit }: { readonly after: string; readonly limit: number },
): string[] {
  return shell.sql
    .exec(
      `SELECT id FROM (SELECT run_id AS id FROM attempts UNION SELECT run_id FROM watches)
       WHERE id > ? ORDER BY id LIMIT ?`,
      after,
      limit,
    )
    .toArray()
    .map((row) => row["id"] as string);
}
