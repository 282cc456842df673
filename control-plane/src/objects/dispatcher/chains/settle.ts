/**
 * The end of a run whose event has chains: what it is to start is written in the turn that ends it. The runs are made
 * afterwards (`start.ts`), because a mapping is not evaluated within a turn.
 */
import { chainsAtEnd, factsOf, withPending } from "../../../domain/chains.ts";
import type { RunRecord } from "../../../domain/run.ts";
import { withRev } from "../../../domain/run-machine.ts";
import { readEventVersion } from "../events.ts";
import { knownEvent } from "../known-events.ts";
import { readState } from "../run-rows.ts";
import { saveStep } from "../runs.ts";
import { wakeBy, type Shell, type Turn } from "../shell.ts";

/** Ends that come close together are followed together. */
const GATHER_MS = 10;

/** Runs of events without chains carry null, and cost nothing here. */
export function settleChains(shell: Shell, turn: Turn): void {
  for (const { id } of turn.tally.ended.filter(({ chained }) => chained !== null)) {
    // As it is by now: the turn may have changed it again after its end.
    const run = turn.changedRuns.get(id);
    if (run !== undefined) {
      writeStarts(shell, turn, run);
    }
  }
}

function writeStarts(shell: Shell, turn: Turn, run: RunRecord): void {
  const following = chainsAtEnd(run, chainsOf(shell, run));
  if (following.length === 0) {
    return;
  }
  const state = { run, attempt: readState(shell, run.id)?.attempt ?? null };
  const pending = { ...state, run: withPending(run, following, turn.now), reply: { kind: "none" } } as const;
  saveStep(shell, turn, state, withRev(state, pending));
  const facts = JSON.stringify(factsOf(run));
  for (const { n, chain } of following) {
    shell.sql.exec(
      `INSERT OR REPLACE INTO chain_starts (run_id, requeues, n, event_id, follows, mapping, facts, ended_at, due_at, tries)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 0)`,
      run.id,
      run.requeues,
      n,
      chain.eventId,
      chain.on,
      chain.mapping,
      facts,
      turn.now,
    );
  }
  wakeBy(turn, turn.now + GATHER_MS);
}

/** Of the version that the run ran. */
function chainsOf(shell: Shell, { eventId, eventVersion }: RunRecord): Parameters<typeof chainsAtEnd>[1] {
  if (eventId === null || eventVersion === null) {
    return [];
  }
  const known = knownEvent(shell, eventId)?.event;
  const event = known?.version === eventVersion ? known : readEventVersion(shell, eventId, eventVersion);
  return event?.chains ?? [];
}
