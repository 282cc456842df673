/** Holds runners back that cannot start anything, and lets them go again. Rules: `domain/quarantine.ts`. */
import type { Runner } from "@cronium/protocol";
import type { Outcome } from "../../domain/dispatcher.ts";
import { healthAfter, SOUND } from "../../domain/quarantine.ts";
import { changeFleet, changeRunner, viewRunner } from "./runners.ts";
import type { Shell, Turn } from "./shell.ts";

/** Before the turn looks for pairs: what its attempts say of their runners. */
export function settleHealth(shell: Shell, turn: Turn): void {
  for (const { before, attempt } of turn.tally.starts) {
    const runner = shell.fleet.get(attempt.runnerId);
    const change = runner === undefined ? null : healthAfter(runner, before, attempt, turn.now);
    if (runner === undefined || change === null) {
      continue;
    }
    if (change.quarantinedAt === undefined) {
      changeRunner(shell, turn, runner.id, change);
    } else {
      changeFleet(shell, turn, runner.id, change);
      turn.tally.quarantined.push({ runnerId: runner.id, message: change.quarantineMessage ?? "" });
    }
  }
}

/** By a person. Without a quarantine nothing changes. */
export function releaseRunner(shell: Shell, turn: Turn, runnerId: string): Outcome<Runner> {
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined) {
    return { ok: false, code: "not_found", message: `There is no runner ${runnerId}.` };
  }
  if (runner.revokedAt !== null) {
    return { ok: false, code: "runner_revoked", message: `The runner ${runner.name} was revoked.` };
  }
  if (runner.quarantinedAt !== null) {
    changeFleet(shell, turn, runnerId, SOUND);
    shell.deps.log.info("runner.released", { workspaceId: shell.workspaceId, runnerId });
  }
  return { ok: true, value: viewRunner(shell, shell.fleet.get(runnerId) ?? runner) };
}
