/**
 * The frame around every decision: one synchronous turn, one commit, and only then the sends.
 *
 * Nothing is awaited between reading and writing, so no other event can interleave. The transaction undoes a turn that
 * throws half-way, and the copies in memory are then read again. Sends happen in the same turn after the write: the
 * output gate keeps them in until the write is on disk, so nobody hears of what a crash could take back.
 */
import type { ServerMessage, WorkspaceLiveMessage } from "@cronium/protocol";
import { toSummary } from "../../domain/run.ts";
import { arm } from "./alarm-clock.ts";
import { settleChains } from "./chains/settle.ts";
import { drainSoon } from "./drain.ts";
import { readTickDueAt } from "./leases.ts";
import { logTally, meter, writeTally } from "./metrics.ts";
import { writeOutbox } from "./outbox.ts";
import { pump } from "./pump.ts";
import { settleHealth } from "./quarantine.ts";
import { changeRunner, readFleet, viewRunner } from "./runners.ts";
import { viewRun } from "./whole-runs.ts";
import { relayChanges } from "./relay.ts";
import { settleSchedules } from "./schedules/ended.ts";
import { readShardTables } from "./shard-tables.ts";
import { newTurn, wakeBy, type Shell, type Turn } from "./shell.ts";
import { LIVE_TAG, readyLink, send, sendText } from "./sockets.ts";

/** The alarm looks after the outbox this long after a commit, should the drain in memory be gone by then. */
const OUTBOX_BACKSTOP_MS = 1_000;

export function inTurn<T>(shell: Shell, decide: (turn: Turn) => T): T {
  const turn = newTurn(shell.deps.clock.now());
  let value: T;
  try {
    value = shell.ctx.storage.transactionSync(() => {
      const decided = decide(turn);
      settleHealth(shell, turn);
      settleSchedules(shell, turn);
      if (turn.pumpNeeded) {
        pump(shell, turn);
      }
      // Last, for whatever comes before may end runs.
      settleChains(shell, turn);
      tellSlots(shell, turn);
      writeTally(shell, turn);
      writeOutbox(shell, turn);
      return decided;
    });
  } catch (error) {
    shell.fleet = readFleet(shell.sql);
    shell.line = null;
    shell.events.clear();
    shell.definitions.clear();
    shell.recent.clear();
    shell.variables = null;
    shell.readers.stored.clear();
    readShardTables(shell);
    shell.tickDueAt = readTickDueAt(shell.sql);
    throw error;
  }
  afterCommit(shell, turn);
  return value;
}

/** Slots in use are counted when somebody asks; a change is written and sent only while somebody watches. */
function tellSlots(shell: Shell, turn: Turn): void {
  if (turn.slotsMoved.size > 0 && shell.ctx.getWebSockets(LIVE_TAG).length > 0) {
    for (const runnerId of turn.slotsMoved) {
      changeRunner(shell, turn, runnerId, {});
    }
  }
}

function afterCommit(shell: Shell, turn: Turn): void {
  meter(shell, turn, turn.size);
  logTally(shell, turn);
  sendFrames(shell, turn.frames);
  broadcast(shell, turn);
  relayChanges(shell, turn);
  tellRooms(shell, turn);
  if (turn.outbox.size > 0) {
    wakeBy(turn, turn.now + OUTBOX_BACKSTOP_MS);
    drainSoon(shell);
  }
  arm(shell, turn.wakeAt);
}

function sendFrames(
  shell: Shell,
  frames: readonly { readonly runnerId: string; readonly message: ServerMessage }[],
): void {
  for (const { runnerId, message } of frames) {
    const socket = readyLink(shell, runnerId);
    if (socket !== null) {
      send(socket, message);
    }
  }
}

function broadcast(shell: Shell, turn: Turn): void {
  if (turn.changedRuns.size + turn.changedRunners.size === 0) {
    return;
  }
  const viewers = shell.ctx.getWebSockets(LIVE_TAG);
  if (viewers.length === 0) {
    return;
  }
  const texts = [
    ...[...turn.changedRuns.values()].map((run) => ({ type: "run", run: toSummary(run) })),
    ...[...turn.changedRunners].flatMap((id): WorkspaceLiveMessage[] => {
      const runner = shell.fleet.get(id);
      if (runner === undefined) {
        return [];
      }
      return runner.ephemeral && runner.revokedAt !== null
        ? [{ type: "runner_removed", runnerId: id }]
        : [{ type: "runner", runner: viewRunner(shell, runner) }];
    }),
  ].map((message) => JSON.stringify(message));
  for (const socket of viewers) {
    for (const text of texts) {
      sendText(socket, text);
    }
  }
}

/** Rooms that are watched hear of each change; should one miss it, the end still reaches it through the outbox. */
function tellRooms(shell: Shell, turn: Turn): void {
  for (const [runId, run] of turn.changedRuns) {
    if ((shell.watches.get(runId) ?? 0) > turn.now) {
      shell.deps
        .logRoomFor(shell.workspaceId, runId)
        .runChanged(viewRun(shell, run))
        .catch((error: unknown) => {
          shell.deps.log.warn("room.not_told", { runId, error: String(error) });
        });
    }
  }
}
