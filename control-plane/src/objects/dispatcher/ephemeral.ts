/**
 * Runners that take one job and leave for good. One that says `bye` is gone at once; one that vanished is gone when it
 * has had no link for as long as a lease, so that a restarted process may still go on with the job it had. Its key is
 * then refused (the drain of the outbox sees to D1), it is listed no more, and an hour later nothing of it is left here.
 *
 * Example with a lease of 300 s: granted its job at 0:00, killed at 1:00. The attempt is lost when its lease ends, at
 * 5:50 or so; the alarm of that time, or the next one, takes the runner out. Had the control plane been down from 2:00 to
 * 20:00, the alarm would come late, and the runner would get the whole time again, as leases do.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import { systemStamp } from "../../domain/act.ts";
import { writeAudit } from "./audit.ts";
import { revokeHeld } from "./revocation.ts";
import { changeFleet } from "./runners.ts";
import { tellShards } from "./shard-news.ts";
import type { Shell, Turn } from "./shell.ts";
import { readyLink } from "./sockets.ts";

/** An alarm that comes this late says that the control plane was away, and no runner could have come back. */
const LATE_MS = 10_000;

/** The runner was granted its one job: it gets no other. Nothing to do for runners that stay. */
export function noteServed(shell: Shell, turn: Turn, runnerId: string): void {
  const runner = shell.fleet.get(runnerId);
  if (runner?.ephemeral === true && runner.servedAt === null) {
    changeFleet(shell, turn, runnerId, { servedAt: turn.now });
  }
}

/** Takes an ephemeral runner out; what it still held is lost to it. Nothing to do for runners that stay. */
export function removeEphemeral(shell: Shell, turn: Turn, runnerId: string, how: "left" | "vanished"): void {
  const runner = shell.fleet.get(runnerId);
  if (runner?.ephemeral === true) {
    takeOut(shell, turn, runnerId, how);
  }
}

/** Takes a runner out that will not come back, by its own word or its silence. Nothing to do for one that is out. */
export function takeOut(shell: Shell, turn: Turn, runnerId: string, how: "left" | "vanished"): void {
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined || runner.revokedAt !== null) {
    return;
  }
  changeFleet(shell, turn, runnerId, { revokedAt: turn.now, connected: false });
  const jobs = revokeHeld(shell, turn, runnerId, { left: true });
  tellShards(shell, turn, `runner:${runnerId}`);
  if (shell.shard === HOME_SHARD) {
    const deed = { verb: "runner.left", target: runnerId, before: { name: runner.name }, after: how };
    writeAudit(shell, turn, systemStamp("registration"), deed);
  }
  shell.deps.log.info("runner.gone", { workspaceId: shell.workspaceId, runnerId, how, jobs });
}

/** Takes out those that have been away for too long. */
export function removeVanished(shell: Shell, turn: Turn): void {
  const { leaseMs } = shell.deps.config;
  for (const runner of shell.fleet.values()) {
    if (!runner.ephemeral || runner.revokedAt !== null) {
      continue;
    }
    if (runner.connected && readyLink(shell, runner.id) === null) {
      // Its link went without a word, as all do when the control plane is restarted.
      changeFleet(shell, turn, runner.id, { connected: false });
    } else if (runner.awaySince !== null && runner.awaySince + leaseMs <= turn.now) {
      if (turn.now - runner.awaySince - leaseMs > LATE_MS) {
        changeFleet(shell, turn, runner.id, { awaySince: turn.now });
      } else {
        removeEphemeral(shell, turn, runner.id, "vanished");
      }
    }
  }
}

/** When the alarm has to look at them next; infinite when none is away. */
export function vanishDueAt(shell: Shell): number {
  const away = [...shell.fleet.values()].flatMap(({ awaySince, revokedAt }) =>
    awaySince === null || revokedAt !== null ? [] : [awaySince + shell.deps.config.leaseMs],
  );
  return Math.min(Number.POSITIVE_INFINITY, ...away);
}

/** Forgets those of which everybody has been told, once their runs have left too. */
export function forgetEphemeral(shell: Shell, now: number): void {
  for (const { id, ephemeral, revokedAt } of shell.fleet.values()) {
    if (ephemeral && revokedAt !== null && revokedAt <= now - shell.deps.config.keepFinishedMs && isTold(shell, id)) {
      shell.sql.exec("DELETE FROM runners WHERE id = ?", id);
      shell.fleet.delete(id);
    }
  }
}

function isTold(shell: Shell, id: string): boolean {
  const waiting = "SELECT 1 FROM outbox WHERE (kind = 'runner' AND id = ?1) OR (kind = 'tell' AND id = ?2)";
  return shell.sql.exec(waiting, id, `runner:${id}`).toArray().length === 0;
}
