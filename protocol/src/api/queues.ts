/** `/api/v1/queues`. */
import * as z from "zod";
import { QueueName } from "../queueing.ts";
import { pageOf } from "./page.ts";

export const Queue = z
  .strictObject({
    name: QueueName,
    /** Runs that wait, for whatever reason. */
    depth: z.int(),
    /** Runs under way: offered to a runner, running, or lost and not given up. */
    running: z.int(),
    /** When the run was triggered that has waited longest without having asked for it; null when none has. */
    oldestQueuedAt: z.iso.datetime().nullable(),
    /** Null unless it is paused. */
    paused: z.strictObject({ note: z.string(), at: z.iso.datetime() }).nullable(),
    /** Number of the shard that takes its triggers; 0 for the workspace's own Dispatcher. */
    shard: z.int().min(0).max(31).default(0),
  })
  .meta({ id: "Queue" });
export type Queue = z.infer<typeof Queue>;

export const QueuePage = pageOf(Queue, "QueuePage");

/** Whether the queue has a shard of its own. */
export const ShardQueue = z.strictObject({ own: z.boolean() }).meta({ id: "ShardQueue" });
export type ShardQueue = z.infer<typeof ShardQueue>;

/** `note` is shown with every run that waits: at most 500 characters, empty by default. */
export const PauseQueue = z
  .strictObject({ note: z.string().max(500, "must be at most 500 characters").default("") })
  .meta({ id: "PauseQueue" });
export type PauseQueue = z.infer<typeof PauseQueue>;
