/** What every file of the Dispatcher works on: its storage, settings, and what it keeps in memory between turns. */
import type { EventDefinition, EventQueueing, Json, ServerMessage, Settings } from "@cronium/protocol";
import type { QueueReason } from "@cronium/protocol/run-states";
import type { Deps } from "../../deps.ts";
import type { Meters } from "../../domain/engine-stats.ts";
import type { Expressions } from "../../domain/queue-key.ts";
import type { QueueClocks, WaitingLane } from "../../domain/queue-order.ts";
import type { RunRecord } from "../../domain/run.ts";
import type { Bucket } from "../../domain/token-bucket.ts";
import type { RunnerRecord } from "../../domain/runner.ts";
import type { Measured } from "./machines.ts";
import type { Wishes } from "../../domain/wishes.ts";
import type { Readers } from "./calls/readers.ts";
import type { PollLink } from "./poll-link.ts";
import type { KnownEvent } from "./known-events.ts";
import { newTally, type Tally } from "./metrics.ts";
import type { OutboxRow } from "./outbox.ts";
import type { RecentRuns } from "./recent-runs.ts";

export interface Lane extends WaitingLane {
  readonly queue: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its runs have their place already: limits do not hold them up. */
  readonly holding: boolean;
  /** Its runs have been offered before: rate limits do not hold them up. */
  readonly tried: boolean;
  readonly wishes: Wishes | null;
  /** `labels` and `wishes` as text, equal for equal needs. */
  readonly needs: string;
  /** Whether it may hold runs that were never told why they wait. */
  unexplained: boolean;
  /** Runs behind this one, by number, may have been told a reason that is out of date; null when none. */
  outdatedAfter: number | null;
  /** When the next of them are told; 0 for at once. */
  tellAt: number;
  /** The reason that all of its runs have been told; null while some have not. */
  told: Wait | null;
  /** The first, by number, that got this reason when it was written; null when the pump has seen to all. */
  toldFrom: number | null;
}

/** Why runs wait. */
export interface Wait {
  readonly queueReason: QueueReason;
  readonly message: string;
}

/** What is kept in memory of the queue (`lanes.ts`). */
export interface Line {
  /** Those that may hold a ready run. */
  readonly lanes: Map<number, Lane>;
  readonly clocks: QueueClocks;
  /** How the runs of an event wait, by its newest version; a copy. */
  readonly queueing: Map<string, EventQueueing>;
  settings: Settings;
  /** The runner that took the last run, of events that ask for it again; a copy, null where none is stored. */
  readonly lastRunners: Map<string, string | null>;
  /** Notes of paused queues, by name. */
  readonly paused: Map<string, string>;
  /** Buckets of events with a rate limit; a copy, null where none is stored. */
  readonly buckets: Map<string, Bucket | null>;
  /** Places taken, by flow and in all. */
  readonly held: Map<string, number>;
  heldInAll: number;
  /** Runs that are queued. */
  queued: number;
  /** Numbers of lanes by what their runs wait for, as text; copies. */
  readonly laneIds: Map<string, number>;
  /** Slots taken, by runner. */
  readonly slotsTaken: Map<string, number>;
  /** No run that waits for a time, and none that will expire, is due before this. */
  dueAt: number;
}

export interface StoredVariable {
  readonly scope: string;
  readonly name: string;
  /** JSON. */
  readonly value: string;
}

/** Where a queue's triggers go, in home's table. */
export interface Route {
  readonly shard: number;
  /** Of the newest move. */
  readonly generation: number;
  /** Who had the queue before, and may still have runs of it. */
  readonly previous: number | null;
  /** It is on its way home: its shard is asked to let go of it. */
  readonly leaving: boolean;
  /** The newest generation of each shard that ever had it. */
  readonly owned: Readonly<Record<number, number>>;
}

/** Places under the workspace's limit that a shard may use, and the number of its message about them. */
export interface Allowance {
  readonly seq: number;
  readonly places: number;
}

/** What is known of the workspace's limit where there are shards (`allowances.ts`). */
export interface Places {
  /** Of a shard; stored. */
  allowance: Allowance;
  /** Of home: what each shard was given; stored. */
  grants: Map<
    number,
    {
      readonly shard: number;
      readonly seq: number;
      readonly places: number;
      readonly need: number;
      readonly at: number;
    }
  >;
  /** Runs waited for a place when the pump looked last. */
  blocked: boolean;
  /** Of a shard: home has not heard of it since the limit in force was set, or this instance began. */
  unreported: boolean;
  /** Of a shard: its share by home's last answer. */
  share: number;
  asking: boolean;
  askedAt: number;
}

export interface Shell {
  readonly ctx: DurableObjectState;
  readonly sql: SqlStorage;
  readonly deps: Deps;
  readonly workspaceId: string;
  /** Which of the workspace's Dispatchers this is; 0 for home. */
  readonly shard: number;
  /** Home only: the shards that there are; a copy. */
  shards: readonly number[];
  /** Home only: queues that have, or had, a shard of their own; a copy. */
  routes: Map<string, Route>;
  /** Queues taken over from a Dispatcher that still has runs of them, which is named; a copy. */
  handovers: Map<string, number>;
  readonly places: Places;
  /** The way of a shard's changes to the workspace's live socket (`relay.ts`). */
  /** A shard's: whether home may have variables that its runs get. */
  homeHasVariables: boolean;
  readonly relay: {
    /** Of a shard: somebody watches until then; stored. */
    until: number;
    readonly waiting: Map<string, string>;
    sending: boolean;
    /** Of home: when it told the shards last. */
    toldAt: number;
  };
  /** Every registered runner; a copy of the table, dropped and read again when a turn fails. */
  fleet: Map<string, RunnerRecord>;
  /** The waiting lanes; null until they are read again, as after a turn that failed. */
  line: Line | null;
  /** Events that were triggered lately; copies, dropped when a turn fails. */
  readonly events: Map<string, KnownEvent>;
  /** What runners are told of versions of events, by event and version; copies, dropped when a turn fails. */
  readonly definitions: Map<string, EventDefinition>;
  /** Runs at work; a copy, dropped when a turn fails. */
  readonly recent: RecentRuns;
  /** Runners that declined a moment ago, and until when they get no offers. Lost with the memory, which is harmless. */
  readonly heldOff: Map<string, number>;
  /** How machines did when somebody looked. Lost with the memory: who looks asks anew. */
  readonly measured: Measured;
  /** When the alarm is set for; null when unknown or none. */
  alarmAt: number | null;
  /** When the next tick of the leases is due; null without live leases. */
  tickDueAt: number | null;
  /** Whether the outbox is being drained at this moment, or about to be. */
  draining: boolean;
  /** Failed drains in a row, for the back-off. */
  drainFailures: number;
  /** When finished runs and old keys were last cleared away by this instance. */
  tidiedAt: number;
  /** Deleting old runs from D1: not before `dueAt`, and an alarm for it at `wakeAt`. */
  readonly retention: { busy: boolean; dueAt: number; wakeAt: number };
  /** Retrying in bulk: not before `dueAt`; failed steps in a row, for the back-off. */
  readonly retries: { busy: boolean; dueAt: number; failures: number };
  /** Scheduled runs of shards (`schedules/shard-runs.ts`): schedules to ask them about, and runs of theirs to cancel. */
  readonly scheduling: { readonly ask: Set<string>; readonly cancel: Set<string>; busy: boolean; dueAt: number };
  /** Whether what ends have called for is being started at this moment. */
  readonly chaining: { busy: boolean };
  /** What is left of the triggers of this minute; null while all of it is. Full again after a restart. */
  triggers: Bucket | null;
  /** Compiled expressions of events; a copy, made again from their text. */
  readonly expressions: Expressions;
  /** Polling sessions by id; lost with the memory, upon which their runners open others. */
  readonly polls: Map<string, PollLink>;
  /** Runs whose log room wants to hear of changes, and until when. */
  readonly watches: Map<string, number>;
  /** Variables with their values, and what runs of each event find; a copy, null when it is to be read again. */
  variables: {
    readonly rows: readonly StoredVariable[];
    readonly byEvent: Map<string, Readonly<Record<string, Json>>>;
  } | null;
  /** Home's: who may use variables again that they have read. */
  readonly readers: Readers;
  /** Attempts that have asked for something, as `<run>:<attempt>`. */
  readonly callers: Set<string>;
  /** Secrets that no configured key can read. */
  readonly unreadable: Set<string>;
  /** What this instance has measured. */
  readonly meters: Meters;
}

/**
 * One decision: everything in it is written in one commit, and leaves the object only afterwards. Frames are collected
 * here and sent when the function that decides has returned; the output gate then holds them until the write is on disk.
 */
export interface Turn {
  readonly now: number;
  readonly frames: { readonly runnerId: string; readonly message: ServerMessage }[];
  readonly changedRuns: Map<string, RunRecord>;
  readonly changedRunners: Set<string>;
  /** Runners that took or gave back a slot. */
  readonly slotsMoved: Set<string>;
  /** What is counted when it is written. */
  readonly tally: Tally;
  /** Triggers and frames that share this turn. */
  size: number;
  /** What others have to be told, by kind and id: rows of the outbox (`outbox.ts`). */
  readonly outbox: Map<string, OutboxRow>;
  /** Runners, labels or readiness changed: reasons of waiting runs may be out of date. */
  fleetChanged: boolean;
  /** A run became ready or a slot free: look for pairs before the turn ends. */
  pumpNeeded: boolean;
  /** When the alarm must fire at the latest for what this turn has set in motion. */
  wakeAt: number;
}

export function newTurn(now: number): Turn {
  return {
    now,
    frames: [],
    changedRuns: new Map(),
    changedRunners: new Set(),
    slotsMoved: new Set(),
    tally: newTally(),
    size: 1,
    outbox: new Map(),
    fleetChanged: false,
    pumpNeeded: false,
    wakeAt: Number.POSITIVE_INFINITY,
  };
}

export function wakeBy(turn: Turn, at: number): void {
  turn.wakeAt = Math.min(turn.wakeAt, at);
}

/** A fraction in [0, 1) from the injected source of randomness. */
export function randomFraction(shell: Shell): number {
  const [a = 0, b = 0, c = 0, d = 0] = shell.deps.ids.random(4);
  return (((a * 256 + b) * 256 + c) * 256 + d) / 2 ** 32;
}
