/** What people change, and what it means for runs that wait. */
import type { Event, Run, UpdateEvent } from "@cronium/protocol";
import type { DispatcherApi, Outcome } from "../../domain/dispatcher.ts";
import { reprioritise } from "../../domain/run-queue.ts";
import { withRev } from "../../domain/run-machine.ts";
import { readEvent, updateEvent } from "./events.ts";
import { wakeEvent } from "./lanes.ts";
import { expireSoon } from "./settings.ts";
import { readRun, readState, saveStep, viewRun } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";
import { unparkEvent } from "./waiting-runs.ts";

export function updateRun(
  shell: Shell,
  turn: Turn,
  { runId, change }: Parameters<DispatcherApi["updateRun"]>[0],
): Outcome<Run> {
  const state = readState(shell, runId);
  if (state === null) {
    return { ok: false, code: "not_found", message: `There is no live run ${runId}.` };
  }
  const step = reprioritise(state, change.priority);
  if (step === null) {
    const message = `The run does not wait in the queue any more: it is ${state.run.offered ? "offered to a runner" : state.run.state}.`;
    return { ok: false, code: "not_queued", message };
  }
  saveStep(shell, turn, state, withRev(state, step));
  return { ok: true, value: viewRun(shell, readRun(shell, runId) ?? step.run) };
}

/** Saves a new version. Weight and limits of the newest version hold for runs that wait already, its retention for all. */
export function changeEvent(
  shell: Shell,
  turn: Turn,
  command: { readonly eventId: string; readonly change: UpdateEvent },
): Outcome<Event> {
  const { eventId } = command;
  const before = readEvent(shell, eventId);
  const old = before?.concurrencyKey ?? null;
  const saved = updateEvent(shell, turn, command);
  if (saved.ok && saved.value.retentionDays !== before?.retentionDays) {
    expireSoon(shell, turn);
  }
  if (saved.ok && old !== null && saved.value.concurrencyKey?.limit !== old.limit) {
    unparkEvent(shell, eventId, saved.value.concurrencyKey?.limit ?? null);
    wakeEvent(shell, eventId, turn.now);
  }
  return saved;
}
