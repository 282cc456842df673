/**
 * Events as triggers find them, with what is computed of each but once. Copies of the newest versions: whoever saves
 * one forgets it, and a turn that fails forgets all.
 */
import type { Event, EventDefinition } from "@cronium/protocol";
import { inputRule, type InputRule } from "../../domain/inputs/input-schema.ts";
import { wishesOf, type Wishes } from "../../domain/wishes.ts";
import { definitionOf, readEvent } from "./events.ts";
import type { Shell } from "./shell.ts";

export interface KnownEvent {
  readonly event: Event;
  readonly definition: EventDefinition;
  readonly wishes: Wishes | null;
  /** What the input of a trigger is held against. */
  readonly inputs: InputRule;
}

/** Scripts that are kept in memory, in characters; beyond them all are read anew. */
const KEPT_CHARS = 4_000_000;

/** Null when there is no such event. */
export function knownEvent(shell: Shell, eventId: string): KnownEvent | null {
  const known = shell.events.get(eventId);
  if (known !== undefined) {
    return known;
  }
  const event = readEvent(shell, eventId);
  if (event === null) {
    return null;
  }
  const chars = [...shell.events.values()].reduce((sum, one) => sum + one.event.script.length, event.script.length);
  if (chars > KEPT_CHARS) {
    shell.events.clear();
  }
  const found = whatTriggersNeed(event);
  shell.events.set(eventId, found);
  return found;
}

export function whatTriggersNeed(event: Event): KnownEvent {
  return { event, definition: definitionOf(event), wishes: wishesOf(event), inputs: inputRule(event) };
}
