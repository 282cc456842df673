/** A run and its attempts as the Dispatcher keeps them, and the views of them that leave it. Times are milliseconds since 1970. */
import type {
  Artifact,
  Attempt,
  AttemptState,
  EventDefinition,
  Json,
  JobResult,
  LogState,
  QueueReason,
  Run,
  RunOrigin,
  RunState,
  RunSummary,
  Trigger,
} from "@cronium/protocol";
import { DEFAULT_QUEUE } from "@cronium/protocol/queueing";

import { viewChained, type ChainRecord } from "./chains.ts";
import { type RunNotes, shownNotes } from "./run-notes.ts";
import { type Wishes, withAbilities } from "./wishes.ts";

export interface RunRecord {
  readonly id: string;
  readonly eventId: string | null;
  readonly eventName: string;
  readonly eventVersion: number | null;
  readonly trigger: Trigger;
  readonly runtime: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly maxAttempts: number;
  readonly scriptRetries: number;
  readonly onLost: EventDefinition["onLost"];
  readonly state: RunState;
  readonly queueReason: QueueReason | null;
  readonly skipReason: string | null;
  readonly failReason: string | null;
  readonly cancelReason: string | null;
  readonly expireReason: string | null;
  readonly message: string | null;
  /** Number of the newest attempt: the fence. 0 before the first offer. */
  readonly attempt: number;
  /** Whether the newest attempt is offered and not answered yet; the run is then still `queued`. */
  readonly offered: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly runnerId: string | null;
  readonly runnerName: string | null;
  readonly queuedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** No offer before this; 0 when it may go at once. */
  readonly notBefore: number;
  readonly cancelRequestedAt: number | null;
  /** Spent of the two retry budgets, and container starts over both. */
  readonly infraFailures: number;
  readonly scriptFailures: number;
  readonly starts: number;
  readonly logState: LogState;
  readonly logBytes: number;
  readonly queue: string;
  readonly priority: number;
  /** The lane it waits in, by number; 0 before it is stored. */
  readonly lane: number;
  /** What keeps a queued run from being looked at: nothing, its `notBefore`, or a full concurrency key. */
  readonly gate: "" | "time" | "key";
  /** The value that its event's concurrency key found in the input, as JSON; null without one. */
  readonly concurrencyKey: string | null;
  /** Whether it has a place under the concurrency limits (`queue-place.ts`). */
  readonly holds: boolean;
  /** When it expires unless it has started; null for never. */
  readonly expiresAt: number | null;
  /** The run that this one repeats. */
  readonly retryOf: string | null;
  /** How often a person or a program put it back into the queue as a dead letter; budgets count from the last time. */
  readonly requeues: number;
  /** What it asks of its runner beside `labels`; null for nothing. */
  readonly wishes: Wishes | null;
  /** What triggered it, beside the kind of its trigger. */
  readonly origin: RunOrigin | null;
  /** What its job has said of itself; null for nothing. */
  readonly notes: RunNotes | null;
  /** What its ends have started; null for an event without chains, which costs such runs nothing at their end. */
  readonly chained: readonly ChainRecord[] | null;
  readonly rev: number;
}

export interface AttemptRecord {
  readonly runId: string;
  readonly attempt: number;
  readonly state: AttemptState;
  readonly failReason: string | null;
  readonly message: string | null;
  readonly runnerId: string;
  readonly runnerName: string;
  /** The runner process that holds the lease; moves to the next one when that adopts the job. */
  readonly epoch: string;
  /** Offered: until when to answer. Accepted and running: end of the lease. Finishing: end of the log drain. */
  readonly deadlineAt: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly late: boolean;
  /** Null until a result is accepted; then it never changes. */
  readonly outcome: JobResult["outcome"] | null;
  /** Tells a repeated result from a different one. */
  readonly resultDigest: string | null;
  readonly offeredAt: number;
  readonly acceptedAt: number | null;
  readonly startedAt: number | null;
  readonly exitedAt: number | null;
  readonly finishedAt: number | null;
}

export interface NewRun {
  readonly id: string;
  readonly eventId: string | null;
  readonly eventName: string;
  readonly eventVersion: number | null;
  readonly trigger: Trigger;
  readonly definition: EventDefinition;
  /** `default` by default. */
  readonly queue?: string;
  /** 0 by default. */
  readonly priority?: number;
  readonly concurrencyKey?: string | null;
  /** It waits for a moment, for a reason; not at all by default. */
  readonly wait?: {
    readonly until: number;
    readonly queueReason: "delayed" | "debounced";
    readonly message: string;
  } | null;
  /** From when it may start; never by default. */
  readonly queueTtlMs?: number | null;
  readonly retryOf?: string | null;
  readonly origin?: RunOrigin | null;
  readonly wishes?: Wishes | null;
  /** Whether its event has chains; false by default. */
  readonly hasChains?: boolean;
}

/** A fresh run, `queued` without a reason yet: routing gives it one, or an offer. */
export function newRun(from: NewRun, now: number): RunRecord {
  const { definition, wait = null, queueTtlMs = null } = from;
  return {
    id: from.id,
    eventId: from.eventId,
    eventName: from.eventName,
    eventVersion: from.eventVersion,
    trigger: from.trigger,
    runtime: definition.runtime,
    labels: sorted(definition.labels),
    timeoutMs: definition.timeoutMs,
    memoryMb: definition.memoryMb,
    maxAttempts: definition.maxAttempts,
    scriptRetries: definition.scriptRetries,
    onLost: definition.onLost,
    state: "queued",
    queueReason: wait?.queueReason ?? null,
    skipReason: null,
    failReason: null,
    cancelReason: null,
    expireReason: null,
    message: wait?.message ?? null,
    attempt: 0,
    offered: false,
    exitCode: null,
    signal: null,
    runnerId: null,
    runnerName: null,
    queuedAt: now,
    startedAt: null,
    finishedAt: null,
    notBefore: wait?.until ?? 0,
    cancelRequestedAt: null,
    infraFailures: 0,
    scriptFailures: 0,
    starts: 0,
    logState: "none",
    logBytes: 0,
    queue: from.queue ?? DEFAULT_QUEUE,
    priority: from.priority ?? 0,
    lane: 0,
    gate: "",
    concurrencyKey: from.concurrencyKey ?? null,
    holds: false,
    expiresAt: queueTtlMs === null ? null : Math.max(now, wait?.until ?? 0) + queueTtlMs,
    retryOf: from.retryOf ?? null,
    requeues: 0,
    wishes: withAbilities(from.wishes ?? null, definition),
    origin: from.origin ?? null,
    notes: null,
    chained: from.hasChains === true ? [] : null,
    rev: 1,
  };
}

/** In order of their keys, so that equal sets are equal texts. */
function sorted(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

export function toSummary(run: RunRecord): RunSummary {
  return {
    id: run.id,
    eventId: run.eventId,
    eventName: run.eventName,
    eventVersion: run.eventVersion,
    runtime: run.runtime,
    state: run.state,
    queueReason: run.queueReason,
    skipReason: run.skipReason,
    failReason: run.failReason,
    cancelReason: run.cancelReason,
    expireReason: run.expireReason,
    message: run.message,
    trigger: run.trigger,
    origin: run.origin,
    retryOf: run.retryOf,
    attempt: run.attempt,
    exitCode: run.exitCode,
    signal: run.signal,
    runnerId: run.runnerId,
    runnerName: run.runnerName,
    queuedAt: iso(run.queuedAt),
    startedAt: isoOrNull(run.startedAt),
    finishedAt: isoOrNull(run.finishedAt),
    ...shownNotes(run.notes, run.attempt),
    rev: run.rev,
  };
}

/** Reasons that end at `notBefore`. */
const TIMED: ReadonlySet<string> = new Set<QueueReason>(["retry_backoff", "delayed", "debounced"]);

/** What `Run` holds beyond `RunSummary`. */
export type RunDetail = Omit<Run, keyof RunSummary>;

export function toDetail(
  run: RunRecord,
  attempts: readonly AttemptRecord[],
  payload: { readonly input: Json; readonly output: Json; readonly artifacts: readonly Artifact[] },
): RunDetail {
  return {
    input: payload.input,
    output: payload.output,
    artifacts: [...payload.artifacts],
    logState: run.logState,
    logBytes: run.logBytes,
    notBefore: run.queueReason !== null && TIMED.has(run.queueReason) ? iso(run.notBefore) : null,
    cancelRequestedAt: isoOrNull(run.cancelRequestedAt),
    attempts: attempts.map(toAttempt),
    timeoutMs: run.timeoutMs,
    memoryMb: run.memoryMb,
    executor: run.wishes?.process === true ? "process" : "container",
    labels: { ...run.labels },
    priority: run.priority,
    queue: run.queue,
    concurrencyKey: run.concurrencyKey,
    expiresAt: run.state === "queued" && run.starts === 0 ? isoOrNull(run.expiresAt) : null,
    chained: viewChained(run.chained),
  };
}

function toAttempt(attempt: AttemptRecord): Attempt {
  return {
    attempt: attempt.attempt,
    state: attempt.state,
    failReason: attempt.failReason,
    message: attempt.message,
    runnerId: attempt.runnerId,
    runnerName: attempt.runnerName,
    exitCode: attempt.exitCode,
    signal: attempt.signal,
    late: attempt.late,
    offeredAt: iso(attempt.offeredAt),
    acceptedAt: isoOrNull(attempt.acceptedAt),
    startedAt: isoOrNull(attempt.startedAt),
    exitedAt: isoOrNull(attempt.exitedAt),
    finishedAt: isoOrNull(attempt.finishedAt),
  };
}
