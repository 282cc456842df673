/**
 * Sends the outbox. A run that changed five times since the last drain leaves once: what is sent is the state of that
 * moment, and a row is deleted only if its `rev` is still the one that was sent.
 *
 * Example: rev 4 is on its way to D1 while rev 5 is committed; the row now says 5, stays, and is sent again. D1 refuses
 * anything that is not newer, so a repeat after an unknown outcome does no harm.
 */
import { isTerminal } from "@cronium/protocol/run-states";
import { toSummary } from "../../domain/run.ts";
import { projectEvents, projectRunners, projectRuns } from "../../services/projection.ts";
import { readEventProjection } from "./events.ts";
import type { OutboxKind } from "./outbox.ts";
import { viewRunner } from "./runners.ts";
import { readRun, viewDetail, viewRun } from "./runs.ts";
import type { Shell } from "./shell.ts";

/** Lets the changes of a burst gather, and keeps D1's disk out of the way of a dispatch that follows an enqueue. */
const GATHER_MS = 50;
const BATCH = 200;

/** Starts a drain soon, unless one is under way; the alarm is the backstop should this instance go away. */
export function drainSoon(shell: Shell): void {
  if (shell.draining) {
    return;
  }
  shell.draining = true;
  void scheduler.wait(GATHER_MS).then(() => drainAll(shell));
}

/** Sends everything there is. Never throws: what failed stays and is tried again with growing pauses. */
export async function drainAll(shell: Shell): Promise<void> {
  shell.draining = true;
  try {
    while (await drainOnce(shell)) {
      await scheduler.wait(GATHER_MS);
    }
    shell.drainFailures = 0;
  } catch (error) {
    shell.drainFailures += 1;
    shell.deps.log.warn("outbox.drain_failed", {
      workspaceId: shell.workspaceId,
      failures: shell.drainFailures,
      error: String(error),
    });
  } finally {
    shell.draining = false;
  }
}

interface Row {
  readonly kind: OutboxKind;
  readonly id: string;
  readonly rev: number;
}

async function drainOnce(shell: Shell): Promise<boolean> {
  const rows = shell.sql
    .exec("SELECT kind, id, rev FROM outbox ORDER BY at LIMIT ?", BATCH)
    .toArray() as unknown as Row[];
  if (rows.length === 0) {
    return false;
  }
  const ids = (kind: OutboxKind): string[] => rows.filter((row) => row.kind === kind).map((row) => row.id);
  const runs = ids("run").flatMap((id) => readRun(shell, id) ?? []);
  const runners = ids("runner").flatMap((id) => shell.fleet.get(id) ?? []);
  const events = ids("event").flatMap((id) => readEventProjection(shell, id) ?? []);
  const { deps, workspaceId } = shell;
  await projectEvents(deps, workspaceId, events);
  await projectRuns(
    deps,
    workspaceId,
    runs.map((run) => ({ summary: toSummary(run), detail: viewDetail(shell, run) })),
  );
  await projectRunners(
    deps,
    workspaceId,
    runners.map((runner) => viewRunner(shell, runner)),
  );
  const inD1 = rows.filter((row) => row.kind !== "room");
  forget(shell, inD1);
  // Rooms come last: when a room archives its log, the run's page already answers from D1.
  const rooms = rows.filter((row) => row.kind === "room");
  await Promise.all(rooms.map((row) => finishRoom(shell, row)));
  return true;
}

async function finishRoom(shell: Shell, row: Row): Promise<void> {
  const run = readRun(shell, row.id);
  if (run !== null && isTerminal(run.state)) {
    await shell.deps.logRoomFor(shell.workspaceId, run.id).finish(viewRun(shell, run));
  }
  forget(shell, [row]);
}

function forget(shell: Shell, rows: readonly Row[]): void {
  shell.ctx.storage.transactionSync(() => {
    for (const { kind, id, rev } of rows) {
      shell.sql.exec("DELETE FROM outbox WHERE kind = ? AND id = ? AND rev = ?", kind, id, rev);
    }
  });
}
