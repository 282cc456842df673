/** A trigger becomes exactly one run, however often it is repeated; debounced ones share theirs. */
import { HOME_SHARD, shardOf } from "@cronium/protocol/ids";
import type { DispatcherApi, EnqueueCommand, Enqueued, Outcome } from "../../domain/dispatcher.ts";
import { concurrencySource, debounceSource, keyOf } from "../../domain/queue-key.ts";
import { overQuota, takeTrigger } from "../../domain/quota.ts";
import { newRun, type NewRun } from "../../domain/run.ts";
import { writeAudit } from "./audit.ts";
import { readCause, writeCause } from "./causes.ts";
import { gather } from "./debounces.ts";
import { refuseSecrets } from "./declared-secrets.ts";
import { readEventVersion } from "./events.ts";
import { knownEvent, whatTriggersNeed, type KnownEvent } from "./known-events.ts";
import { theLine } from "./lanes.ts";
import { isAbandoned, placedEarlier, placeElsewhere } from "./placing.ts";
import { readOwnDefinition, readRun } from "./run-rows.ts";
import { insertRun } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";

export function enqueue(shell: Shell, turn: Turn, command: EnqueueCommand): Outcome<Enqueued> {
  const { runId, causeKey } = command;
  if (readRun(shell, runId) !== null) {
    return { ok: true, value: { runId, created: false } };
  }
  // Without a key of the caller's the run id is the cause, and the row of the run itself remembers it.
  const keyed = causeKey !== runId;
  const seen = keyed ? readCause(shell, "run", causeKey, command.bodyHash, turn.now) : null;
  if (seen !== null && !seen.ok) {
    return seen;
  }
  if (seen !== null && !isAbandoned(shell, command, seen.value)) {
    return shardOf(seen.value) === shell.shard
      ? { ok: true, value: { runId: seen.value, created: false } }
      : placedEarlier(shell, command, seen.value);
  }
  const line = theLine(shell, turn.now);
  // Home has counted the trigger of a run that it placed in a shard.
  const counts = shell.shard === HOME_SHARD;
  const used = { queued: line.queued, bucket: counts ? shell.triggers : null };
  const refusal = overQuota(line.settings, used, turn.now);
  if (refusal !== null) {
    return refusal;
  }
  const placed = placeElsewhere(shell, turn, command);
  if (placed !== null) {
    if (placed.ok) {
      shell.triggers = takeTrigger(line.settings, shell.triggers, turn.now);
    }
    return placed;
  }
  const outcome = enqueueTarget(shell, turn, command);
  if (outcome.ok && counts) {
    shell.triggers = takeTrigger(line.settings, shell.triggers, turn.now);
  }
  if (keyed && outcome.ok) {
    writeCause(shell, turn, { key: causeKey, kind: "run", id: outcome.value.runId, bodyHash: command.bodyHash });
  }
  return outcome;
}

function enqueueTarget(shell: Shell, turn: Turn, command: EnqueueCommand): Outcome<Enqueued> {
  const { target } = command;
  switch (target.kind) {
    case "adhoc":
      return enqueueAdHoc(shell, turn, command, target);
    case "event":
      return enqueueEvent(shell, turn, command, target);
    case "retry":
      return audited(shell, turn, command, target, enqueueRetry(shell, turn, command, target));
    default:
      return target satisfies never;
  }
}

export function enqueueBatch(
  shell: Shell,
  turn: Turn,
  { commands, cause: { key, bodyHash } }: Parameters<DispatcherApi["enqueueBatch"]>[0],
): Outcome<readonly Outcome<Enqueued>[]> {
  const seen = key === null ? null : readCause(shell, "run", key, bodyHash, turn.now);
  if (seen !== null && !seen.ok) {
    return seen;
  }
  const first = commands[0]?.runId;
  if (key !== null && seen === null && first !== undefined) {
    writeCause(shell, turn, { key, kind: "run", id: first, bodyHash });
  }
  return { ok: true, value: commands.map((command) => enqueue(shell, turn, command)) };
}

function enqueueAdHoc(
  shell: Shell,
  turn: Turn,
  command: EnqueueCommand,
  { name, queue, definition }: Extract<EnqueueCommand["target"], { kind: "adhoc" }>,
): Outcome<Enqueued> {
  const { runId, trigger, options } = command;
  // Of a run that home has placed here, home has looked at its secrets.
  const refusal = shell.shard === HOME_SHARD ? refuseSecrets(shell, null, definition) : null;
  if (refusal !== null) {
    return refusal;
  }
  const run = newRun(
    {
      id: runId,
      trigger,
      eventId: null,
      eventName: name,
      eventVersion: null,
      definition,
      queue,
      priority: options.priority ?? 0,
      origin: command.origin ?? null,
      wait: delayOf(command, turn.now),
    },
    turn.now,
  );
  insertRun(shell, turn, run, { input: command.input ?? null, definition });
  return { ok: true, value: { runId, created: true } };
}

function enqueueEvent(
  shell: Shell,
  turn: Turn,
  command: EnqueueCommand,
  { eventId }: Extract<EnqueueCommand["target"], { kind: "event" }>,
): Outcome<Enqueued> {
  const known = knownEvent(shell, eventId);
  if (known === null) {
    return { ok: false, code: "not_found", message: `There is no event ${eventId}.` };
  }
  const { event } = known;
  const accepted = known.inputs.accept(command.input);
  if (!accepted.ok) {
    return accepted;
  }
  const { input } = accepted;
  const concurrency = keyOf(shell.expressions, concurrencySource(event), input);
  if (!concurrency.ok) {
    return concurrency;
  }
  const gatherKey = keyOf(shell.expressions, debounceSource(event), input);
  if (!gatherKey.ok) {
    return gatherKey;
  }
  const { debounce } = event;
  const from = fromEvent(known, command, concurrency.key, turn.now);
  const gathered = debounce === null ? null : gather(shell, turn, { debounce, from, input, key: gatherKey.key ?? "" });
  if (gathered?.kind === "joined") {
    return { ok: true, value: { runId: gathered.runId, created: false } };
  }
  insertRun(shell, turn, newRun(gathered?.from ?? from, turn.now), { input, definition: null });
  return { ok: true, value: { runId: command.runId, created: true } };
}

function audited(
  shell: Shell,
  turn: Turn,
  { by }: EnqueueCommand,
  { run }: Extract<EnqueueCommand["target"], { kind: "retry" }>,
  outcome: Outcome<Enqueued>,
): Outcome<Enqueued> {
  if (by !== undefined && outcome.ok && outcome.value.created) {
    writeAudit(shell, turn, by, { verb: "run.retried", target: run.id, after: { runId: outcome.value.runId } });
  }
  return outcome;
}

/** Neither debounced nor changed by later versions: a person or program wants this very run again. */
function enqueueRetry(
  shell: Shell,
  turn: Turn,
  command: EnqueueCommand,
  { run: old }: Extract<EnqueueCommand["target"], { kind: "retry" }>,
): Outcome<Enqueued> {
  const given = command.input ?? null;
  const { runId, trigger, options } = command;
  const event =
    old.eventId === null || old.eventVersion === null ? null : readEventVersion(shell, old.eventId, old.eventVersion);
  if (event !== null) {
    const known = whatTriggersNeed(event);
    const accepted = known.inputs.accept(given);
    if (!accepted.ok) {
      return accepted;
    }
    const { input } = accepted;
    const concurrency = keyOf(shell.expressions, concurrencySource(event), input);
    if (!concurrency.ok) {
      return concurrency;
    }
    const priority = options.priority ?? old.priority;
    const from = {
      ...fromEvent(known, command, concurrency.key, turn.now),
      priority,
      retryOf: old.id,
    };
    insertRun(shell, turn, newRun(from, turn.now), { input, definition: null });
    return { ok: true, value: { runId, created: true } };
  }
  const definition = old.definition ?? readOwnDefinition(shell, old.id);
  if (definition === null) {
    const what = old.eventId === null ? "The script of this ad-hoc run" : "The version of the event that it ran";
    return { ok: false, code: "not_found", message: `${what} is not kept any more; send it as a new run.` };
  }
  const run = newRun(
    {
      id: runId,
      trigger,
      eventId: null,
      eventName: old.eventName,
      eventVersion: null,
      definition,
      queue: old.queue,
      priority: options.priority ?? old.priority,
      origin: command.origin ?? null,
      wait: delayOf(command, turn.now),
      retryOf: old.id,
    },
    turn.now,
  );
  insertRun(shell, turn, run, { input: given, definition });
  return { ok: true, value: { runId, created: true } };
}

function fromEvent(
  { event, definition, wishes }: KnownEvent,
  command: EnqueueCommand,
  concurrencyKey: string | null,
  now: number,
): NewRun & { eventId: string } {
  return {
    id: command.runId,
    trigger: command.trigger,
    eventId: event.id,
    eventName: event.name,
    eventVersion: event.version,
    definition,
    queue: event.queue,
    priority: command.options.priority ?? event.priority,
    concurrencyKey,
    origin: command.origin ?? null,
    queueTtlMs: event.queueTtlMs,
    wishes,
    hasChains: event.chains.length > 0,
    wait: delayOf(command, now),
  };
}

function delayOf({ options: { notBefore = 0 } }: EnqueueCommand, now: number): NonNullable<NewRun["wait"]> | null {
  if (notBefore <= now) {
    return null;
  }
  const message = `It was asked to start at ${new Date(notBefore).toISOString()}, not earlier.`;
  return { until: notBefore, queueReason: "delayed", message };
}
