/** An event is a definition, which runners are told, and how its runs wait, which they are not. */
import type { Event } from "@cronium/protocol";
import { EventQueueing } from "@cronium/protocol/queueing";

const fields = Object.keys(EventQueueing.shape) as (keyof EventQueueing)[];

/** What a runner is told of a stored version: everything but how its runs wait. */
export function withoutQueueing<T extends object>(stored: T): Omit<T, keyof EventQueueing> {
  const names: readonly string[] = fields;
  const kept = Object.entries(stored).filter(([field]) => !names.includes(field));
  return Object.fromEntries(kept) as Omit<T, keyof EventQueueing>;
}

export function queueingOf(event: Event): EventQueueing {
  return Object.fromEntries(fields.map((field) => [field, event[field]])) as EventQueueing;
}
