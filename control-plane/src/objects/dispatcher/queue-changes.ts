/** What people change, and what it means for runs that wait. */
import type { Event, Run, UpdateEvent } from "@cronium/protocol";
import type { DispatcherApi, Outcome, Refusal } from "../../domain/dispatcher.ts";
import { reprioritise } from "../../domain/run-queue.ts";
import { withRev } from "../../domain/run-machine.ts";
import { readEvent, updateEvent } from "./events.ts";
import { wakeEvent } from "./lanes.ts";
import { expireSoon } from "./settings.ts";
import { isLimited } from "./handovers.ts";
import { ownerOf } from "./shards.ts";
import { tellShards } from "./shard-news.ts";
import { readRun } from "./run-rows.ts";
import { saveStep } from "./runs.ts";
import { viewRun } from "./whole-runs.ts";
import type { Shell, Turn } from "./shell.ts";
import { unparkEvent } from "./waiting-runs.ts";

export function updateRun(
  shell: Shell,
  turn: Turn,
  { runId, change }: Parameters<DispatcherApi["updateRun"]>[0],
): Outcome<Run> {
  const run = readRun(shell, runId);
  if (run === null) {
    return { ok: false, code: "not_found", message: `There is no live run ${runId}.` };
  }
  // About no attempt: the newest one of a run that waits is over.
  const state = { run, attempt: null };
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
  const before = readEvent(shell, command.eventId);
  const refusal = before === null ? null : refuseSplit(shell, before, command.change);
  if (refusal !== null) {
    return refusal;
  }
  const saved = updateEvent(shell, turn, command);
  if (saved.ok && saved.value.retentionDays !== before?.retentionDays) {
    expireSoon(shell, turn);
  }
  if (saved.ok && before !== null) {
    unparkAfterChange(shell, turn, before, saved.value);
    tellShards(shell, turn, `event:${before.id}`);
  }
  return saved;
}

/** Runs that wait under a concurrency key whose limit has changed. */
export function unparkAfterChange(shell: Shell, turn: Turn, before: Event, after: Event): void {
  const limit = after.concurrencyKey?.limit ?? null;
  if (before.concurrencyKey !== null && limit !== before.concurrencyKey.limit) {
    unparkEvent(shell, before.id, limit);
    wakeEvent(shell, before.id, turn.now);
  }
}

/** Limits of an event are counted by one Dispatcher: with limits it cannot change over to a queue of another. */
function refuseSplit(shell: Shell, before: Event, change: UpdateEvent): Refusal | null {
  const { queue = before.queue } = change;
  if (shell.routes.size === 0 || ownerOf(shell, queue) === ownerOf(shell, before.queue)) {
    return null;
  }
  const changed = Object.entries(change).filter(([, value]) => value !== undefined);
  if (!isLimited(before) && !isLimited({ ...before, ...Object.fromEntries(changed) })) {
    return null;
  }
  const message = `The queues ${before.queue} and ${queue} are in different shards, and an event with a concurrency or rate limit cannot change between them. Take its limits off first, or make a new event.`;
  return { ok: false, code: "shard_conflict", message };
}
