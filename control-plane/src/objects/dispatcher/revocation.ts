/** A person takes a runner out for good: its sockets close at once, and nothing waits for it any more. */
import { closeCodes } from "@cronium/protocol/runner";
import type { Outcome } from "../../domain/dispatcher.ts";
import { changeFleet } from "./runners.ts";
import { readLiveAttempts, readWaitingOn } from "./attempts.ts";
import { readState } from "./run-rows.ts";
import { act } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";
import { closeSocketsOf } from "./sockets.ts";
import { tellShards } from "./shard-news.ts";
import { inTurn } from "./turns.ts";

/** May be repeated: the first time counts. */
export function revokeRunner(shell: Shell, runnerId: string): Outcome<null> {
  const ended = inTurn(shell, (turn) => {
    const runner = shell.fleet.get(runnerId);
    if (runner === undefined) {
      return null;
    }
    // Ahead of what follows: from here on routing leaves it out.
    changeFleet(shell, turn, runnerId, { revokedAt: runner.revokedAt ?? turn.now, connected: false });
    const held = revokeHeld(shell, turn, runnerId);
    tellShards(shell, turn, `runner:${runnerId}`);
    return held;
  });
  if (ended === null) {
    return { ok: false, code: "not_found", message: `There is no runner ${runnerId}.` };
  }
  closeSocketsOf(shell, runnerId, closeCodes.revoked, "runner_revoked");
  shell.deps.log.info("runner.revoked", { workspaceId: shell.workspaceId, runnerId, jobs: ended });
  return { ok: true, value: null };
}

/** Ends what a runner holds that will not say another word, and what waits for it; how many attempts that were. */
export function revokeHeld(shell: Shell, turn: Turn, runnerId: string, how: { readonly left?: true } = {}): number {
  const held = [...readLiveAttempts(shell, runnerId), ...readWaitingOn(shell, runnerId)];
  for (const { runId, attempt } of held) {
    const state = readState(shell, runId, attempt);
    if (state !== null) {
      act(shell, turn, state, { type: "revoked", ...how });
    }
  }
  return held.length;
}
