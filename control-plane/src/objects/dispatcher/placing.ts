/** Where a trigger goes: home's side. In a workspace whose queues all are at home this is one look at an empty map. */
import { HOME_SHARD, inShard, shardOf } from "@cronium/protocol/ids";
import type { EnqueueCommand, Enqueued, Outcome, Refusal } from "../../domain/dispatcher.ts";
import { concurrencySource, debounceSource, keyOf } from "../../domain/queue-key.ts";
import { writeCause } from "./causes.ts";
import { refuseSecrets } from "./declared-secrets.ts";
import { knownEvent } from "./known-events.ts";
import { readOwnDefinition } from "./run-rows.ts";
import { ownerOf } from "./shards.ts";
import type { Shell, Turn } from "./shell.ts";

interface Wanted {
  readonly queue: string;
  readonly event: { readonly id: string; readonly versions: readonly number[] } | null;
}

/**
 * Null when the run is to be made here. A key is written down here together with the run's id, before the shard makes
 * the run: whoever repeats the trigger is sent to that shard under that id, whatever became of the first one.
 */
export function placeElsewhere(shell: Shell, turn: Turn, command: EnqueueCommand): Outcome<Enqueued> | null {
  if (shell.routes.size === 0) {
    return null;
  }
  const wanted = wantedBy(shell, command);
  const shard = wanted === null ? HOME_SHARD : ownerOf(shell, wanted.queue);
  if (wanted === null || shard === HOME_SHARD) {
    return null;
  }
  // What will be refused is refused before its key is taken.
  const refusal = inputRefusal(shell, command) ?? valuesRefusal(shell, command);
  if (refusal !== null) {
    return refusal;
  }
  const runId = inShard(command.runId, shard);
  if (command.causeKey !== command.runId) {
    writeCause(shell, turn, { key: command.causeKey, kind: "run", id: runId, bodyHash: command.bodyHash });
  }
  return { ok: true, value: { runId, created: true, placement: placement(shell, command, wanted, shard) } };
}

/** The answer to a repeated key whose run was placed in a shard: it is looked for there, and made if it is not. */
export function placedEarlier(shell: Shell, command: EnqueueCommand, runId: string): Outcome<Enqueued> {
  const wanted = wantedBy(shell, command) ?? { queue: "", event: null };
  return {
    ok: true,
    value: { runId, created: false, placement: placement(shell, command, wanted, shardOf(runId)) },
  };
}

function placement(
  shell: Shell,
  { target }: EnqueueCommand,
  { queue, event }: Wanted,
  shard: number,
): NonNullable<Enqueued["placement"]> {
  const route = shell.routes.get(queue);
  // Of a queue that is another's by now nothing new is made there: generation 0 was over before it began.
  const current = route?.shard === shard ? route : { generation: 0, previous: null };
  const definition =
    target.kind === "retry" && event === null
      ? (target.run.definition ?? readOwnDefinition(shell, target.run.id))
      : null;
  return {
    shard,
    queue,
    generation: current.generation,
    previous: current.previous,
    event,
    ...(definition === null ? {} : { definition }),
  };
}

/**
 * Whether the run that a key stands for was never made, and never will be: its shard has let go of the queue for good.
 * Had the shard got the queue back since it said so, another caller might have had the run made there.
 */
export function isAbandoned(shell: Shell, command: EnqueueCommand, runId: string): boolean {
  const { abandoned } = command;
  if (abandoned?.runId !== runId) {
    return false;
  }
  const route = shell.routes.get(wantedBy(shell, command)?.queue ?? "");
  return abandoned.released >= (route?.owned[shardOf(runId)] ?? 0);
}

function inputRefusal(shell: Shell, { target, input: given }: EnqueueCommand): Refusal | null {
  const known = target.kind === "event" ? knownEvent(shell, target.eventId) : null;
  if (known === null) {
    return null;
  }
  const accepted = known.inputs.accept(given);
  if (!accepted.ok) {
    return accepted;
  }
  for (const source of [concurrencySource(known.event), debounceSource(known.event)]) {
    const key = keyOf(shell.expressions, source, accepted.input);
    if (!key.ok) {
      return key;
    }
  }
  return null;
}

/** Home alone knows which secrets there are. */
function valuesRefusal(shell: Shell, { target }: EnqueueCommand): Refusal | null {
  return target.kind === "adhoc" ? refuseSecrets(shell, null, target.definition) : null;
}

/** The queue that decides. Runs of an event stay together: its newest version says where, for repeated runs too. */
function wantedBy(shell: Shell, { target }: EnqueueCommand): Wanted | null {
  switch (target.kind) {
    case "adhoc":
      return { queue: target.queue, event: null };
    case "event": {
      const event = knownEvent(shell, target.eventId)?.event ?? null;
      return event === null ? null : { queue: event.queue, event: { id: event.id, versions: [event.version] } };
    }
    case "retry": {
      const { eventId, eventVersion, queue } = target.run;
      const event = eventId === null || eventVersion === null ? null : (knownEvent(shell, eventId)?.event ?? null);
      return event === null
        ? { queue, event: null }
        : { queue: event.queue, event: { id: event.id, versions: [eventVersion ?? event.version, event.version] } };
    }
    default:
      return target satisfies never;
  }
}
