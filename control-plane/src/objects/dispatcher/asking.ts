/** A shard asks home for places under the workspace's limit, one message at a time. The rules: `allowances.ts`. */
import { askDueAt, writeAllowance } from "./allowances.ts";
import { theLine } from "./lanes.ts";
import { readSettings } from "./settings.ts";
import type { Shell } from "./shell.ts";
import { inTurn } from "./turns.ts";

/** Never throws: the alarm asks again. */
export async function askForPlaces(shell: Shell): Promise<void> {
  const { places } = shell;
  const now = shell.deps.clock.now();
  if (places.asking || askDueAt(shell) > now) {
    return;
  }
  places.asking = true;
  places.askedAt = now;
  try {
    const ask = inTurn(shell, (turn) => {
      const { heldInAll } = theLine(shell, turn.now);
      const useful = places.blocked ? Math.min(places.allowance.places, places.share) : heldInAll;
      const keep = Math.max(heldInAll, useful);
      const seq = places.allowance.seq + 1;
      writeAllowance(shell, { seq, places: keep });
      const need = places.blocked ? (readSettings(shell.sql).concurrency ?? 0) : heldInAll;
      return { shard: shell.shard, rev: rulesRev(shell), seq, keep, need };
    });
    // The promise to keep no more is on disk before home hears of it: the output gate holds the call.
    const answer = await shell.deps.dispatcherFor(shell.workspaceId).askPlaces(ask);
    if (answer !== null && answer.seq === places.allowance.seq) {
      inTurn(shell, (turn) => {
        const grew = answer.places > places.allowance.places;
        writeAllowance(shell, { seq: answer.seq, places: answer.places });
        places.share = answer.share;
        places.unreported = false;
        turn.pumpNeeded = grew;
      });
    }
  } catch (error) {
    shell.deps.log.warn("places.not_answered", {
      workspaceId: shell.workspaceId,
      shard: shell.shard,
      error: String(error),
    });
  } finally {
    places.asking = false;
  }
}

function rulesRev(shell: Shell): number {
  const row = shell.sql.exec("SELECT value FROM meta WHERE key = 'rules_rev'").toArray()[0];
  return Number(row?.["value"] ?? 0);
}
