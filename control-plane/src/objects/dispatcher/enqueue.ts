/** A trigger becomes exactly one run, however often it is repeated. */
import type { EnqueueCommand, Outcome, Refusal } from "../../domain/dispatcher.ts";
import { keyAt, MAX_KEY_CHARS } from "../../domain/json-pointer.ts";
import { newRun } from "../../domain/run.ts";
import { readCause, writeCause } from "./causes.ts";
import { definitionOf, readEvent } from "./events.ts";
import { insertRun, readRun } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";

export function enqueue(
  shell: Shell,
  turn: Turn,
  command: EnqueueCommand,
): Outcome<{ readonly runId: string; readonly created: boolean }> {
  const { runId, causeKey, target } = command;
  if (readRun(shell, runId) !== null) {
    return { ok: true, value: { runId, created: false } };
  }
  // Without a key of the caller's the run id is the cause, and the row of the run itself remembers it.
  const keyed = causeKey !== runId;
  const seen = keyed ? readCause(shell, "run", causeKey, command.bodyHash, turn.now) : null;
  if (seen !== null) {
    return seen.ok ? { ok: true, value: { runId: seen.value, created: false } } : seen;
  }
  const base = { id: runId, trigger: command.trigger };
  if (target.kind === "adhoc") {
    const { definition } = target;
    const run = newRun(
      {
        ...base,
        eventId: null,
        eventName: target.name,
        eventVersion: null,
        definition,
        priority: command.options.priority ?? 0,
      },
      turn.now,
    );
    insertRun(shell, turn, run, { input: command.input ?? null, definition });
  } else {
    const event = readEvent(shell, target.eventId);
    if (event === null) {
      return { ok: false, code: "not_found", message: `There is no event ${target.eventId}.` };
    }
    const input = command.input === undefined ? event.defaultInput : command.input;
    const { concurrencyKey } = event;
    const key = concurrencyKey === null ? null : keyAt(input, concurrencyKey.pointer);
    if (concurrencyKey !== null && key !== null && key.length > MAX_KEY_CHARS) {
      return tooLong(`/input${concurrencyKey.pointer}`, "concurrency key", key.length);
    }
    const run = newRun(
      {
        ...base,
        concurrencyKey: key,
        eventId: event.id,
        eventName: event.name,
        eventVersion: event.version,
        definition: definitionOf(event),
        priority: command.options.priority ?? event.priority,
      },
      turn.now,
    );
    insertRun(shell, turn, run, { input, definition: null });
  }
  if (keyed) {
    writeCause(shell, turn, { key: causeKey, kind: "run", id: runId, bodyHash: command.bodyHash });
  }
  return { ok: true, value: { runId, created: true } };
}

function tooLong(pointer: string, what: string, length: number): Refusal {
  const message = `must be at most ${MAX_KEY_CHARS} characters of JSON to serve as ${what}, and has ${length}`;
  const errors = [{ pointer, code: "out_of_range" as const, message }];
  return { ok: false, code: "out_of_range", message: `${pointer} ${message}.`, errors };
}
