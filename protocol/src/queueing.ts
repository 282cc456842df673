/**
 * How the runs of an event wait: who goes first. Kept beside the definition, not in it, because a runner never needs
 * it. The rules and their numbers are told in `docs/queues.md`.
 */
import * as z from "zod";

/** Higher goes first: -100 to 100, 0 by default. */
export const Priority = z.int().min(-100).max(100);

const queueing = {
  priority: Priority,
  /** Share of the starts that this event gets beside others of the same priority: 1 to 100, 10 by default. */
  weight: z.int().min(1).max(100),
};

export const EventQueueing = z.strictObject(queueing);
export type EventQueueing = z.infer<typeof EventQueueing>;

/** The same with defaults filled in: as it is sent, and as versions are read that were stored before a field existed. */
export const EventQueueingInput = z.strictObject({
  priority: queueing.priority.default(0),
  weight: queueing.weight.default(10),
});
