/**
 * How the runs of an event wait, how long they are kept, and what follows them. Kept beside the definition, not in it,
 * because a runner never needs it. The rules and their numbers are told in `docs/queues.md`.
 */
import * as z from "zod";
import { Chains } from "./chain.ts";
import { Labels } from "./labels.ts";

/** Higher goes first: -100 to 100, 0 by default. */
export const Priority = z.int().min(-100).max(100);

export const DEFAULT_QUEUE = "default";

/** 1 to 63 lower-case letters, digits and hyphens, starting with a letter or digit. */
export const QueueName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 lower-case letters, digits and hyphens")
  .meta({ code: "invalid_name" });

/** A place inside the input, after RFC 6901: `/customer/id`. At most 200 characters. */
export const JsonPointer = z
  .string()
  .max(200, "must be at most 200 characters")
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, "must be a JSON pointer into the input, such as /customer/id");

/**
 * CEL over `input`, such as `input.customer + ":" + input.region`: at most 1,000 characters. What else is allowed, and
 * how much, the control plane checks when the event is saved.
 */
const Expression = z.string().min(1, "must not be empty").max(1_000, "must be at most 1,000 characters");

/**
 * Runs whose input gives the same value share `limit` places: the value at `pointer`, or that of `expression`; one of
 * the two. An input that gives none, or null, has none.
 */
export const ConcurrencyKey = z
  .strictObject({
    pointer: JsonPointer.optional(),
    expression: Expression.optional(),
    /** 1 to 1,000, 1 by default. */
    limit: z.int().min(1).max(1_000).default(1),
  })
  .refine(({ pointer, expression }) => (pointer === undefined) !== (expression === undefined), {
    message: "must hold either a pointer or an expression",
  });
export type ConcurrencyKey = z.infer<typeof ConcurrencyKey>;

/** Starts of an event: `limit` at once, then evenly `limit` in `perMs` (a token bucket). */
export const RateLimit = z.strictObject({
  /** 1 to 100,000. */
  limit: z.int().min(1).max(100_000),
  /** 1 s to 1 day. */
  perMs: z.int().min(1_000).max(86_400_000),
});

/** Triggers that follow one another closely become one run. */
export const Debounce = z
  .strictObject({
    /**
     * Triggers are told apart by the value at this place of the input, or by that of an expression; null, the default,
     * gathers all of them.
     */
    key: z
      .union([JsonPointer, z.strictObject({ expression: Expression })])
      .nullable()
      .default(null),
    /** 100 ms to 1 day. */
    waitMs: z.int().min(100).max(86_400_000),
    /** `trailing`, the default: one run after the last trigger. `leading`: one run at the first. */
    mode: z.enum(["leading", "trailing"]).default("trailing"),
    /** Longest time that triggers are gathered, from the first: waitMs to 7 days; null, the default, for no end. */
    maxDelayMs: z.int().min(100).max(604_800_000).nullable().default(null),
  })
  .refine(({ waitMs, maxDelayMs }) => maxDelayMs === null || maxDelayMs >= waitMs, {
    path: ["maxDelayMs"],
    message: "must not be less than waitMs",
    params: { code: "out_of_range" },
  });

const SomeLabels = Labels.refine((labels) => Object.keys(labels).length > 0, { message: "must hold a label" });

/** A runner with all of `labels` is preferred by `weight`, 1 to 100; weights of several preferences add up. */
export const PreferLabels = z.strictObject({
  labels: SomeLabels,
  weight: z.int().min(1).max(100),
});

/** Longest that a trigger may be put off: 366 days. */
export const MAX_DELAY_MS = 31_622_400_000;

const queueing = {
  /** The queue in which its runs wait; `default` by default. */
  queue: QueueName,
  priority: Priority,
  /** Share of the starts that this event gets beside others of the same priority: 1 to 100, 10 by default. */
  weight: z.int().min(1).max(100),
  /** Runs of this event under way at a time: 1 to 1,000; null, the default, for as many as there are slots. */
  concurrency: z.int().min(1).max(1_000).nullable(),
  /** A limit for each value of a field of the input; null by default. */
  concurrencyKey: ConcurrencyKey.nullable(),
  /** How long a run may wait for its first start before it expires: 1 s to 30 days; null, the default, for ever. */
  queueTtlMs: z.int().min(1_000).max(2_592_000_000).nullable(),
  rateLimit: RateLimit.nullable(),
  debounce: Debounce.nullable(),
  /** Beside `labels`, all of which must match: of these sets, one must. At most 8; empty, the default, for no such need. */
  anyLabels: z.array(SomeLabels).max(8, "must hold at most 8 sets"),
  /** Which of the fitting runners with a free slot to take. At most 8; empty by default. */
  preferLabels: z.array(PreferLabels).max(8, "must hold at most 8 preferences"),
  /** Whether the runner that took the event's last run is preferred above all; false by default. */
  sticky: z.boolean(),
  /** Days for which its runs, their logs and results are kept: 1 to 3,650; null, the default, for the workspace's. */
  retentionDays: z.int().min(1).max(3_650).nullable(),
  /** Events that its runs start when they end; at most 10, none by default. */
  chains: Chains,
};

export const EventQueueing = z.strictObject(queueing);
export type EventQueueing = z.infer<typeof EventQueueing>;

/** The same with defaults filled in: as it is sent, and as versions are read that were stored before a field existed. */
export const EventQueueingInput = z.strictObject({
  queue: queueing.queue.default(DEFAULT_QUEUE),
  priority: queueing.priority.default(0),
  weight: queueing.weight.default(10),
  concurrency: queueing.concurrency.default(null),
  concurrencyKey: queueing.concurrencyKey.default(null),
  queueTtlMs: queueing.queueTtlMs.default(null),
  rateLimit: queueing.rateLimit.default(null),
  debounce: queueing.debounce.default(null),
  anyLabels: queueing.anyLabels.default([]),
  preferLabels: queueing.preferLabels.default([]),
  sticky: queueing.sticky.default(false),
  retentionDays: queueing.retentionDays.default(null),
  chains: queueing.chains.default([]),
});
