/**
 * Makes the runs that ends have called for: each exactly once, however often it is tried. A run of this Dispatcher is
 * made in the commit that takes its row away; that of another goes by a cause key, by which a repeat finds it. What
 * cannot be made is refused with its reason, which the run that ended shows.
 */
import type { Json } from "@cronium/protocol";
import { MAX_CHAIN_DEPTH, type ChainEnd } from "@cronium/protocol/chain-tables";
import { HOME_SHARD, makeId } from "@cronium/protocol/ids";
import { inputOf, originAfter, refusedBy, withSettled, type ChainFacts, type Settled } from "../../../domain/chains.ts";
import type { EnqueueCommand, Enqueued, Outcome } from "../../../domain/dispatcher.ts";
import { withRev } from "../../../domain/run-machine.ts";
import { enqueueRun, follow } from "../../../services/placement.ts";
import { arm } from "../alarm-clock.ts";
import { enqueue } from "../enqueue.ts";
import { readRun } from "../run-rows.ts";
import { saveStep } from "../runs.ts";
import type { Shell, Turn } from "../shell.ts";
import { inTurn } from "../turns.ts";

const BATCH = 50;
const FIRST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 60_000;
/** So long a trigger that the quota or a shard does not take is tried again. */
const GIVE_UP_AFTER_MS = 3_600_000;

interface Start {
  readonly runId: string;
  readonly requeues: number;
  readonly n: number;
  readonly eventId: string;
  readonly on: ChainEnd;
  readonly mapping: string | null;
  readonly facts: string;
  readonly endedAt: number;
  readonly tries: number;
}

/** When there is something to start; infinite without. */
export function chainsDueAt(shell: Shell, now: number): number {
  if (shell.chaining.busy) {
    return Number.POSITIVE_INFINITY;
  }
  const due = shell.sql.exec("SELECT min(due_at) AS at FROM chain_starts").one()["at"] as number | null;
  return due === null ? Number.POSITIVE_INFINITY : Math.max(now, due);
}

/** Never throws; what did not work out is tried again. */
export async function startChained(shell: Shell): Promise<void> {
  const { chaining, deps, workspaceId } = shell;
  if (chaining.busy) {
    return;
  }
  chaining.busy = true;
  try {
    for (let due = readDue(shell); due.length > 0; due = readDue(shell)) {
      for (const one of due) {
        await startOne(shell, one);
      }
    }
    chaining.busy = false;
    arm(shell, chainsDueAt(shell, deps.clock.now()));
  } catch (error) {
    deps.log.error("chain.failed", { workspaceId, error: String(error) });
    arm(shell, deps.clock.now() + FIRST_PAUSE_MS);
  } finally {
    chaining.busy = false;
  }
}

function readDue(shell: Shell): Start[] {
  return shell.sql
    .exec(
      `SELECT run_id AS runId, requeues, n, event_id AS eventId, follows AS "on", mapping, facts, ended_at AS endedAt, tries
       FROM chain_starts INDEXED BY chain_starts_due WHERE due_at <= ? ORDER BY due_at LIMIT ?`,
      shell.deps.clock.now(),
      BATCH,
    )
    .toArray() as unknown as Start[];
}

async function startOne(shell: Shell, one: Start): Promise<void> {
  const { deps, workspaceId } = shell;
  try {
    const wanted = await commandOf(shell, one);
    if ("state" in wanted) {
      inTurn(shell, (turn) => settle(shell, turn, one, wanted));
      return;
    }
    const isHome = shell.shard === HOME_SHARD;
    const outcome = await (isHome ? startAtHome(shell, one, wanted) : enqueueRun(deps, workspaceId, wanted));
    if (outcome !== null) {
      inTurn(shell, (turn) => settleBy(shell, turn, one, outcome));
    }
  } catch (error) {
    deps.log.warn("chain.not_started", { workspaceId, runId: one.runId, eventId: one.eventId, error: String(error) });
    inTurn(shell, (turn) => {
      postpone(shell, turn, one, { reason: "refused", message: "It could not be reached for an hour." });
    });
  }
}

/** Reads and evaluates; what is to be done is decided afterwards, in a turn that looks again. */
async function commandOf(shell: Shell, one: Start): Promise<EnqueueCommand | Settled> {
  const { runId, requeues, n, eventId, on, mapping } = one;
  const run = readRun(shell, runId);
  const origin = run === null ? null : originAfter(run, on);
  if (origin === null) {
    const message = `${MAX_CHAIN_DEPTH} runs have followed one another before this one, which is the most.`;
    return { state: "refused", reason: "depth_limit", message };
  }
  const facts = JSON.parse(one.facts) as ChainFacts;
  const made = await inputOf(mapping, { ...readPayload(shell, runId), run: facts, on });
  if (!made.ok) {
    return { state: "refused", reason: "mapping_failed", message: made.message };
  }
  return {
    runId: makeId("run", shell.deps.clock.now(), shell.deps.ids.random(10)),
    causeKey: `chain ${runId} ${requeues} ${n}`,
    bodyHash: "",
    trigger: "event",
    input: made.value,
    options: {},
    target: { kind: "event", eventId },
    origin,
  };
}

function readPayload(shell: Shell, runId: string): { readonly input: Json; readonly output: Json } {
  const row = shell.sql.exec("SELECT input, output FROM payloads WHERE run_id = ?", runId).one();
  return { input: JSON.parse(row["input"] as string) as Json, output: JSON.parse(row["output"] as string) as Json };
}

/** Null when it has been settled in the commit that made it: always, unless its queue has a shard of its own. */
async function startAtHome(shell: Shell, one: Start, command: EnqueueCommand): Promise<Outcome<Enqueued> | null> {
  const again = async (some: readonly EnqueueCommand[]): Promise<readonly Outcome<Enqueued>[]> =>
    inTurn(shell, (turn) => some.map((each) => enqueue(shell, turn, each)));
  const first = inTurn(shell, (turn) => {
    const outcome = enqueue(shell, turn, command);
    if (!outcome.ok || outcome.value.placement === undefined) {
      settleBy(shell, turn, one, outcome);
    }
    return outcome;
  });
  if (!first.ok || first.value.placement === undefined) {
    return null;
  }
  const [made] = await follow(shell.deps, shell.workspaceId, [command], [first], again);
  return made ?? first;
}

/** Does nothing for what is settled already. */
function settleBy(shell: Shell, turn: Turn, one: Start, outcome: Outcome<Enqueued>): void {
  if (outcome.ok) {
    settle(shell, turn, one, { state: "started", runId: outcome.value.runId });
    return;
  }
  const refused = refusedBy(outcome);
  if (outcome.code === "quota_exceeded" || outcome.code === "not_available") {
    postpone(shell, turn, one, refused);
  } else {
    settle(shell, turn, one, refused);
  }
}

function settle(shell: Shell, turn: Turn, one: Start, settled: Settled): void {
  const gone = shell.sql
    .exec(
      "DELETE FROM chain_starts WHERE run_id = ? AND requeues = ? AND n = ? RETURNING 1",
      one.runId,
      one.requeues,
      one.n,
    )
    .toArray();
  const run = readRun(shell, one.runId);
  if (gone.length === 0 || run === null) {
    return;
  }
  // About no attempt; a dead letter may be at work again by now.
  const state = { run, attempt: null };
  saveStep(
    shell,
    turn,
    state,
    withRev(state, { run: withSettled(run, one, settled), attempt: null, reply: { kind: "none" } }),
  );
}

function postpone(
  shell: Shell,
  turn: Turn,
  one: Start,
  refused: Pick<Extract<Settled, { state: "refused" }>, "reason" | "message">,
): void {
  if (turn.now - one.endedAt >= GIVE_UP_AFTER_MS) {
    settle(shell, turn, one, { state: "refused", ...refused });
    return;
  }
  shell.sql.exec(
    "UPDATE chain_starts SET due_at = ?4, tries = tries + 1 WHERE run_id = ?1 AND requeues = ?2 AND n = ?3",
    one.runId,
    one.requeues,
    one.n,
    turn.now + Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(one.tries, 10)),
  );
}
