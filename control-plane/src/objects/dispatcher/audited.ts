/**
 * What people and programs ask of events, runs, queues, settings and runners: done, and written into the audit in the
 * same turn. Where nothing changed, nothing is written down. Secrets and variables: `value-changes.ts`.
 */
import type { Bulk, Event, Queue, Run, Runner, RunState } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { abridged, difference } from "../../auth/abridged.ts";
import { systemStamp } from "../../domain/act.ts";
import type {
  DispatcherApi,
  Outcome,
  RegisterRunnerCommand,
  RequeuedRun,
  SettingsAt,
} from "../../domain/dispatcher.ts";
import { limitChanged } from "./allowances.ts";
import { writeAudit } from "./audit.ts";
import { readBulk, startBulk, stopBulk } from "./bulk.ts";
import { cancelRun } from "./cancel.ts";
import { createEvent, readEvent } from "./events.ts";
import { releaseRunner } from "./quarantine.ts";
import { changeEvent, updateRun } from "./queue-changes.ts";
import { readQueue, setQueuePause } from "./queues.ts";
import { drainRunner, setRunnerPause, shownPauses } from "./runner-pause.ts";
import { registerRunner } from "./runners.ts";
import { requeueRun } from "./requeue.ts";
import { readRun } from "./run-rows.ts";
import { readSettings, settingsVersion, updateSettings } from "./settings.ts";
import type { Shell, Turn } from "./shell.ts";

type Command<K extends keyof DispatcherApi> = DispatcherApi[K] extends (command: infer C) => unknown ? C : never;

export function createEventFor(
  shell: Shell,
  turn: Turn,
  command: Command<"createEvent">,
): Outcome<{ readonly event: Event; readonly created: boolean }> {
  const outcome = createEvent(shell, turn, command);
  if (outcome.ok && outcome.value.created) {
    const { id, name, kind, runtime, version, secrets } = outcome.value.event;
    const after = { name, kind, runtime, version, secrets: [...secrets] };
    writeAudit(shell, turn, command.by, { verb: "event.created", target: id, after });
  }
  return outcome;
}

export function changeEventFor(shell: Shell, turn: Turn, command: Command<"updateEvent">): Outcome<Event> {
  const old = readEvent(shell, command.eventId);
  const outcome = changeEvent(shell, turn, command);
  if (old !== null && outcome.ok) {
    const { updatedAt: _old, ...was } = old;
    const { updatedAt: _new, ...is } = outcome.value;
    writeAudit(shell, turn, command.by, { verb: "event.changed", target: old.id, ...difference(was, is) });
  }
  return outcome;
}

export function cancelRunFor(
  shell: Shell,
  turn: Turn,
  { runId, by }: Command<"cancelRun">,
): Outcome<{ readonly runId: string; readonly state: RunState }> {
  const before = readRun(shell, runId)?.state ?? null;
  const outcome = cancelRun(shell, turn, runId);
  if (outcome.ok && outcome.value.state !== before) {
    writeAudit(shell, turn, by, { verb: "run.cancelled", target: runId, before, after: outcome.value.state });
  }
  return outcome;
}

export function updateRunFor(shell: Shell, turn: Turn, command: Command<"updateRun">): Outcome<Run> {
  const before = readRun(shell, command.runId)?.priority ?? null;
  const outcome = updateRun(shell, turn, command);
  if (outcome.ok && outcome.value.priority !== before) {
    writeAudit(shell, turn, command.by, {
      verb: "run.changed",
      target: command.runId,
      before: { priority: before },
      after: { priority: outcome.value.priority },
    });
  }
  return outcome;
}

export function requeueRunFor(shell: Shell, turn: Turn, command: Command<"requeueRun">): Outcome<RequeuedRun> {
  const before = readRun(shell, command.runId)?.state ?? null;
  const outcome = requeueRun(shell, turn, command);
  if (outcome.ok && outcome.value.requeued) {
    writeAudit(shell, turn, command.by, { verb: "run.requeued", target: command.runId, before, after: "queued" });
  }
  return outcome;
}

export function startBulkFor(
  shell: Shell,
  turn: Turn,
  command: Command<"startBulk">,
): Outcome<{ readonly bulkId: string }> {
  const isKnown = readBulk(shell, command.bulkId) !== null;
  const outcome = startBulk(shell, turn, command);
  // A shard's part of the work belongs to the act that home has written down.
  if (outcome.ok && shell.shard === HOME_SHARD && !isKnown && outcome.value.bulkId === command.bulkId) {
    const after = { action: command.action, filter: abridged(command.filter) };
    writeAudit(shell, turn, command.by, { verb: "bulk.started", target: command.bulkId, after });
  }
  return outcome;
}

export function stopBulkFor(shell: Shell, turn: Turn, { bulkId, by }: Command<"stopBulk">): Outcome<Bulk> {
  const before = readBulk(shell, bulkId);
  const outcome = stopBulk(shell, turn, bulkId);
  if (outcome.ok && before?.state === "running") {
    const after = { state: outcome.value.state, done: outcome.value.done };
    writeAudit(shell, turn, by, { verb: "bulk.stopped", target: bulkId, before: { state: before.state }, after });
  }
  return outcome;
}

export function setQueuePauseFor(shell: Shell, turn: Turn, command: Command<"setQueuePause">): Queue {
  const before = readQueue(shell, command.name).paused?.note ?? null;
  const queue = setQueuePause(shell, turn, command);
  const after = queue.paused?.note ?? null;
  if (before !== after) {
    const verb = after === null ? "queue.resumed" : "queue.paused";
    writeAudit(shell, turn, command.by, { verb, target: command.name, before, after });
  }
  return queue;
}

export function updateSettingsFor(
  shell: Shell,
  turn: Turn,
  { change, ifVersion, by }: Command<"updateSettings">,
): Outcome<SettingsAt> {
  const before = readSettings(shell.sql);
  const version = settingsVersion(shell.sql);
  if (ifVersion !== null && ifVersion !== version) {
    const message = `The settings are at version ${version}, and the change is based on version ${ifVersion}.`;
    return { ok: false, code: "version_conflict", message };
  }
  const after = updateSettings(shell, turn, change);
  limitChanged(shell, before, after);
  const changed = difference(before, after);
  if (changed !== null) {
    writeAudit(shell, turn, by, { verb: "settings.changed", target: shell.workspaceId, ...changed });
  }
  return { ok: true, value: { settings: after, version: version + 1 } };
}

export function releaseRunnerFor(
  shell: Shell,
  turn: Turn,
  { runnerId, by }: Command<"releaseRunner">,
): Outcome<Runner> {
  const before = shell.fleet.get(runnerId)?.quarantineMessage ?? null;
  const outcome = releaseRunner(shell, turn, runnerId);
  if (outcome.ok && before !== null) {
    writeAudit(shell, turn, by, { verb: "runner.released", target: runnerId, before: { quarantined: before } });
  }
  return outcome;
}

export function setRunnerPauseFor(shell: Shell, turn: Turn, command: Command<"setRunnerPause">): Outcome<Runner> {
  const before = shell.fleet.get(command.runnerId)?.pause ?? null;
  const outcome = setRunnerPause(shell, turn, command);
  const after = shell.fleet.get(command.runnerId)?.pause ?? null;
  if (outcome.ok && before !== after) {
    const verb = after === null ? "runner.resumed" : "runner.paused";
    writeAudit(shell, turn, command.by, { verb, target: command.runnerId, ...shownPauses(before, after) });
  }
  return outcome;
}

export function drainRunnerFor(shell: Shell, turn: Turn, command: Command<"drainRunner">): Outcome<Runner> {
  const outcome = drainRunner(shell, turn, command.runnerId);
  if (outcome.ok) {
    writeAudit(shell, turn, command.by, { verb: "runner.drained", target: command.runnerId, after: command.note });
  }
  return outcome;
}

/** Whoever holds a token brings a runner in: no person is there to name, so it is the token that acts. */
export function registerRunnerFor(shell: Shell, turn: Turn, command: RegisterRunnerCommand): Outcome<null> {
  const old = shell.fleet.get(command.runnerId);
  const outcome = registerRunner(shell, turn, command);
  if (outcome.ok) {
    const { name, labels, version, ephemeral = false } = command;
    const before = old === undefined ? null : { name: old.name, labels: { ...old.labels }, version: old.version };
    const after = { name, labels: { ...labels }, version, ...(ephemeral ? { ephemeral } : {}) };
    const verb = old === undefined ? "runner.registered" : "runner.registered_again";
    writeAudit(shell, turn, command.by ?? systemStamp("registration"), {
      verb,
      target: command.runnerId,
      before,
      after,
    });
  }
  return outcome;
}
