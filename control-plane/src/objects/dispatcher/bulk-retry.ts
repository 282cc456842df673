/**
 * Retrying in bulk: a walk over the list of runs in D1, from the oldest on, which makes a new run for each that had ended
 * when the work began. Runs leave the Dispatcher once they have ended, so home does this for all of the workspace.
 *
 * It begins when D1 knows all that happened before. A page is read, and then decided in one turn: the new runs and how
 * far the walk is are one commit. Where a queue has a shard of its own, that turn notes for each of its runs under which
 * id the shard makes it; the walk moves on, in another turn, when the shards have answered. A crash in between repeats
 * the page: the key of each trigger, `<id of the work> <id of the old run>`, gives the run that was made the first time.
 */
import { isTerminal } from "@cronium/protocol/run-states";
import { makeId } from "@cronium/protocol/ids";
import type { EnqueueCommand, Enqueued, Outcome } from "../../domain/dispatcher.ts";
import { askedBy } from "../../domain/run-origin.ts";
import { readEndedRuns, type EndedRun } from "../../services/ended-runs.ts";
import { follow, withDefinition } from "../../services/placement.ts";
import type { Position } from "../../services/page-cursor.ts";
import { arm } from "./alarm-clock.ts";
import {
  askerOf,
  bulkDueAt,
  filterOf,
  giveUpBulk,
  oldestBulk,
  PAUSE_MS,
  readBulkRow,
  saveChunk,
  type BulkRow,
} from "./bulk.ts";
import { enqueue } from "./enqueue.ts";
import { hasTold } from "./outbox.ts";
import { readRun } from "./run-rows.ts";
import type { Shell, Turn } from "./shell.ts";
import { inTurn } from "./turns.ts";

/** New runs in one commit. */
const CHUNK = 100;
const LOOK_AGAIN_MS = 100;
const FAILURE_CAP_MS = 60_000;
/** The alarm looks after a page that was read by an instance which is gone. */
const BACKSTOP_MS = 1_000;

/** Never throws: what could not be read or handed over is tried again with growing pauses. */
export async function walkRetries(shell: Shell): Promise<void> {
  const { retries } = shell;
  const { clock, log } = shell.deps;
  const row = oldestBulk(shell, "d1");
  if (row === undefined || retries.busy || retries.dueAt > clock.now()) {
    return;
  }
  retries.busy = true;
  retries.dueAt = clock.now() + BACKSTOP_MS;
  try {
    const pauseMs = await step(shell, row);
    retries.failures = 0;
    retries.dueAt = clock.now() + pauseMs;
  } catch (error) {
    retries.failures += 1;
    retries.dueAt = clock.now() + Math.min(FAILURE_CAP_MS, 500 * 2 ** Math.min(retries.failures, 7));
    log.warn("bulk.not_read", { workspaceId: shell.workspaceId, bulkId: row.id, error: String(error) });
  } finally {
    retries.busy = false;
    arm(shell, bulkDueAt(shell, clock.now()));
  }
}

/** How long to wait before the next one, in milliseconds. */
async function step(shell: Shell, row: BulkRow): Promise<number> {
  const { deps, workspaceId } = shell;
  const after = row.walked === null ? null : (JSON.parse(row.walked) as Position);
  if (after === null && !(await isAllTold(shell, row.created_at))) {
    return LOOK_AGAIN_MS;
  }
  const query = { filter: filterOf(row), endedBy: row.created_at, after, limit: CHUNK };
  const { items, next } = await readEndedRuns(deps, workspaceId, query);
  const decided = decide(shell, row, await Promise.all(items.map(async (item) => repeat(shell, row, item))), next);
  if (decided === null) {
    return PAUSE_MS;
  }
  const again = async (some: readonly EnqueueCommand[]): Promise<readonly Outcome<Enqueued>[]> =>
    inTurn(shell, (turn) => some.map((command) => enqueue(shell, turn, command)));
  const made = await follow(deps, workspaceId, decided.commands, decided.made, again);
  inTurn(shell, (turn) => {
    const now = readBulkRow(shell, row.id);
    if (now !== null && now.walked === row.walked) {
      save(shell, turn, now, [...decided.lost, ...made], next);
    }
  });
  return PAUSE_MS;
}

/** A trigger for this run once more; null when it cannot be. */
interface Repeat {
  readonly runId: string;
  readonly command: EnqueueCommand | null;
}

interface Decided {
  readonly commands: readonly EnqueueCommand[];
  /** One for each command. */
  readonly made: readonly Outcome<Enqueued>[];
  readonly lost: readonly Outcome<Enqueued>[];
}

/** What is left to do when some of the runs are to be made in shards; null when all is done. */
function decide(shell: Shell, row: BulkRow, repeats: readonly Repeat[], next: Position | null): Decided | null {
  try {
    return inTurn(shell, (turn) => {
      const now = readBulkRow(shell, row.id);
      // Stopped while the page was read.
      if (now?.state !== "running" || now.walked !== row.walked) {
        return null;
      }
      const ended = repeats.filter(({ runId }) => !livesAgain(shell, runId));
      const commands = ended.flatMap(({ command }) => command ?? []);
      const lost = ended.flatMap(({ runId, command }) => (command === null ? [notKept(runId)] : []));
      const made = commands.map((command) => enqueue(shell, turn, command));
      if (made.some((outcome) => outcome.ok && outcome.value.placement !== undefined)) {
        return { commands, made, lost };
      }
      save(shell, turn, now, [...lost, ...made], next);
      return null;
    });
  } catch (error) {
    shell.deps.log.error("bulk.failed", { workspaceId: shell.workspaceId, bulkId: row.id, error: String(error) });
    inTurn(shell, (turn) => giveUpBulk(shell, turn, row.id));
    return null;
  }
}

/** A dead letter that somebody has requeued meanwhile; D1 may not know yet. */
function livesAgain(shell: Shell, runId: string): boolean {
  const run = readRun(shell, runId);
  return run !== null && !isTerminal(run.state);
}

function save(
  shell: Shell,
  turn: Turn,
  row: BulkRow,
  outcomes: readonly Outcome<unknown>[],
  next: Position | null,
): void {
  const walked = next === null ? row.walked : JSON.stringify(next);
  saveChunk(shell, turn, row, { outcomes, at: row.at, walked, over: next === null });
}

async function isAllTold(shell: Shell, until: number): Promise<boolean> {
  if (!hasTold(shell, until)) {
    return false;
  }
  const told = await Promise.all(
    shell.shards.map((shard) => shell.deps.dispatcherFor(shell.workspaceId, shard).hasTold(until)),
  );
  return told.every(Boolean);
}

async function repeat(shell: Shell, row: BulkRow, { run, input }: EndedRun): Promise<Repeat> {
  if (input === undefined) {
    return { runId: run.id, command: null };
  }
  const { clock, ids } = shell.deps;
  const command = await withDefinition(shell.deps, shell.workspaceId, {
    runId: makeId("run", clock.now(), ids.random(10)),
    causeKey: `${row.id} ${run.id}`,
    bodyHash: "",
    trigger: askerOf(row).kind === "user" ? "manual" : "api",
    input,
    options: {},
    target: { kind: "retry", run },
    origin: askedBy(askerOf(row)),
  });
  return { runId: run.id, command };
}

function notKept(runId: string): Outcome<Enqueued> {
  return { ok: false, code: "not_found", message: `The input of ${runId} is not kept any more.` };
}
