/**
 * Sends the outbox. A run that changed five times since the last drain leaves once: what is sent is the state of that
 * moment, and a row is deleted only if its `rev` is still the one that was sent.
 *
 * Example: rev 4 is on its way to D1 while rev 5 is committed; the row now says 5, stays, and is sent again. D1 refuses
 * anything that is not newer, so a repeat after an unknown outcome does no harm.
 */
import { isTerminal } from "@cronium/protocol/run-states";
import { toSummary } from "../../domain/run.ts";
import {
  endRunners,
  projectEvents,
  projectNamedValues,
  projectRunners,
  projectRuns,
} from "../../services/projection.ts";
import { readEventProjection } from "./events.ts";
import { readOutbox, readOutboxRooms, removeFromOutbox, type OutboxRow } from "./outbox.ts";
import { viewRunner } from "./runners.ts";
import { readRun } from "./run-rows.ts";
import { readWholeRuns, viewRun } from "./whole-runs.ts";
import { readSecretProjection } from "./secrets.ts";
import { tellAll } from "./tell.ts";
import type { Shell } from "./shell.ts";
import { readVariableProjection } from "./variables.ts";

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

async function drainOnce(shell: Shell): Promise<boolean> {
  const rows = {
    event: readOutbox(shell, "event", BATCH),
    run: readOutbox(shell, "run", BATCH),
    runner: readOutbox(shell, "runner", BATCH),
    secret: readOutbox(shell, "secret", BATCH),
    variable: readOutbox(shell, "variable", BATCH),
  };
  const { runs, left } = readWholeRuns(
    shell,
    rows.run.map(({ id }) => id),
  );
  const sent = [
    ...rows.event,
    ...rows.run.filter(({ id }) => !left.has(id)),
    ...rows.runner,
    ...rows.secret,
    ...rows.variable,
  ];
  const runners = rows.runner.flatMap(({ id }) => shell.fleet.get(id) ?? []);
  const out = runners.filter((runner) => runner.revokedAt !== null);
  const gone = out.filter((runner) => runner.ephemeral).map(({ id }) => id);
  const events = rows.event.flatMap(({ id }) => readEventProjection(shell, id) ?? []);
  const values = [
    ...rows.secret.map(({ id }) => ({ id, row: readSecretProjection(shell, id) })),
    ...rows.variable.map(({ id }) => ({ id, row: readVariableProjection(shell, id) })),
  ];
  const { deps, workspaceId } = shell;
  await projectEvents(deps, workspaceId, events);
  await projectRuns(
    deps,
    workspaceId,
    runs.map(({ run, detail }) => ({ summary: toSummary(run), detail })),
  );
  await projectRunners(
    deps,
    workspaceId,
    runners.filter(({ id }) => !gone.includes(id)).map((runner) => viewRunner(shell, runner)),
  );
  await endRunners(deps, workspaceId, { out: out.map(({ id }) => id), gone });
  await projectNamedValues(deps, workspaceId, {
    rows: values.flatMap(({ row }) => row ?? []),
    deleted: values.filter(({ row }) => row === null).map(({ id }) => id),
  });
  removeFromOutbox(shell, sent);
  // Nothing but a late repeat of their runner will ask for these.
  shell.recent.forget(runs.flatMap(({ run }) => (isTerminal(run.state) ? [run.id] : [])));
  const rooms = readOutboxRooms(shell, BATCH);
  await Promise.all(rooms.map((row) => finishRoom(shell, row)));
  const told = shell.shards.length === 0 ? [] : readOutbox(shell, "tell", BATCH);
  if (told.length > 0) {
    await tellAll(
      shell,
      told.map(({ id }) => id),
    );
    removeFromOutbox(shell, told);
  }
  return sent.length + rooms.length + told.length > 0;
}

async function finishRoom(shell: Shell, row: OutboxRow): Promise<void> {
  const run = readRun(shell, row.id);
  if (run !== null && isTerminal(run.state)) {
    await shell.deps.logRoomFor(shell.workspaceId, run.id).finish(viewRun(shell, run));
  }
  removeFromOutbox(shell, [row]);
}
