/**
 * How the runs of an event wait: who goes first. Kept beside the definition, not in it, because a runner never needs
 * it. The rules and their numbers are told in `docs/queues.md`.
 */
import * as z from "zod";

/** Higher goes first: -100 to 100, 0 by default. */
export const Priority = z.int().min(-100).max(100);

/** A place inside the input, after RFC 6901: `/customer/id`. At most 200 characters. */
export const JsonPointer = z
  .string()
  .max(200, "must be at most 200 characters")
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, "must be a JSON pointer into the input, such as /customer/id");

/** Runs whose input holds the same value at `pointer` share `limit` places; an input without a value there has none. */
export const ConcurrencyKey = z.strictObject({
  pointer: JsonPointer,
  /** 1 to 1,000, 1 by default. */
  limit: z.int().min(1).max(1_000).default(1),
});
export type ConcurrencyKey = z.infer<typeof ConcurrencyKey>;

const queueing = {
  priority: Priority,
  /** Share of the starts that this event gets beside others of the same priority: 1 to 100, 10 by default. */
  weight: z.int().min(1).max(100),
  /** Runs of this event under way at a time: 1 to 1,000; null, the default, for as many as there are slots. */
  concurrency: z.int().min(1).max(1_000).nullable(),
  /** A limit for each value of a field of the input; null by default. */
  concurrencyKey: ConcurrencyKey.nullable(),
};

export const EventQueueing = z.strictObject(queueing);
export type EventQueueing = z.infer<typeof EventQueueing>;

/** The same with defaults filled in: as it is sent, and as versions are read that were stored before a field existed. */
export const EventQueueingInput = z.strictObject({
  priority: queueing.priority.default(0),
  weight: queueing.weight.default(10),
  concurrency: queueing.concurrency.default(null),
  concurrencyKey: queueing.concurrencyKey.default(null),
});
