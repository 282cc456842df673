/**
 * How the Dispatchers of one workspace work together. "Home" is the workspace's own: it decides which queue has a shard
 * of its own, keeps every definition, every Idempotency-Key and all settings, and places each trigger. A shard decides
 * everything about the runs that it made, and knows of home what it was told. docs/decisions has the reasons.
 *
 * A trigger of a queue with a shard: home's `enqueue` answers a `placement`; the Worker hands the trigger to that shard's
 * `enqueuePlaced`. A shard that lacks the event's version says so and is handed it by `learn`; one that has let go of the
 * queue says `moved`, and home is asked again. Each step may be repeated: the run id and the key make it the same run.
 */
import type { EventDefinition, Json, Queue, RunnerPlatform, Settings } from "@cronium/protocol";
import type { Stamp } from "./act.ts";
import type { CallAnswer, HomeCall } from "./calls.ts";
import type { EnqueueCommand, Enqueued, Outcome } from "./dispatcher.ts";
import type { RunnerPause } from "./runner.ts";

export interface Placement {
  readonly shard: number;
  readonly queue: string;
  /** Of the queue's newest move. */
  readonly generation: number;
  /** Who had the queue before that move; null when nobody did. */
  readonly previous: number | null;
  /** Versions of the event that the shard needs, the newest last; null for an ad-hoc run. */
  readonly event: { readonly id: string; readonly versions: readonly number[] } | null;
  /** Of the ad-hoc run that is repeated, where home keeps it. */
  readonly definition?: EventDefinition;
}

export type PlacedAnswer =
  /** One for each command. */
  | { readonly kind: "done"; readonly outcomes: readonly (Outcome<Enqueued> | Moved)[] }
  | { readonly kind: "lacks"; readonly eventId: string; readonly versions: readonly number[] };

/** The shard did not make this run, and takes nothing that was placed under `released` or an older generation. */
export interface Moved {
  readonly moved: true;
  readonly released: number;
}

/** An event as its newest version is, and some of its versions. */
export interface EventCopy {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly archivedAt: number | null;
  readonly versions: readonly {
    readonly version: number;
    readonly name: string;
    readonly description: string;
    /** JSON, as it is stored. */
    readonly definition: string;
    readonly createdAt: number;
  }[];
}

/** A registered runner, without what its sockets say. */
export interface RunnerFacts {
  readonly runnerId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly platform: RunnerPlatform | null;
  readonly revoked: boolean;
  /** Absent where home's version does not say it. */
  readonly ephemeral?: boolean;
  /** As a person has set it; absent where home's version does not say it. */
  readonly pause?: RunnerPause | null;
}

/** What home tells a shard. Each part is whole and the newest; `rev` guards the settings and pauses against old ones. */
export interface Facts {
  readonly rules?: {
    readonly rev: number;
    readonly settings: Settings;
    readonly paused: readonly { readonly name: string; readonly note: string; readonly at: number }[];
    /** Whether there is any variable at home; absent where home's version does not say it. */
    readonly variables?: boolean;
  };
  /** Taken where the shard has runs of the event, or when `needed`. */
  readonly events?: readonly EventCopy[];
  readonly needed?: boolean;
  readonly runners?: readonly RunnerFacts[];
  /** For so long somebody watches the workspace: changes of runs are to be handed to home. */
  readonly watchedMs?: number;
  /** Runners that have to prove themselves anew, because their key was replaced. */
  readonly reconnect?: readonly string[];
}

/** What is left of a queue at a Dispatcher that had it. */
export interface Leftovers {
  readonly left: boolean;
  /** Once nothing is left: how much of each rate limit is used up. */
  readonly buckets: readonly { readonly eventId: string; readonly tokens: number; readonly at: number }[];
}

/** A shard about its places under the workspace's limit. */
export interface PlacesAsk {
  readonly shard: number;
  /** Of the settings that the shard goes by. */
  readonly rev: number;
  /** Grows with every message of the shard. */
  readonly seq: number;
  /** Places that it goes on using at most, until it is answered; written down before this was sent. */
  readonly keep: number;
  /** Places that it could use. */
  readonly need: number;
}

export interface PlacesAnswer {
  readonly seq: number;
  /** Places that it may use from now on. */
  readonly places: number;
  /** What it would be given if nobody had more than their share. */
  readonly share: number;
}

/** A shard about attempts that a runner accepts: what the runner is to be handed with the grants. */
export interface ValuesAsk {
  readonly runnerId: string;
  /** What the runner proved to be its key for sealing, in its handshake with the shard. */
  readonly key: string;
  readonly jobs: readonly {
    readonly runId: string;
    readonly attempt: number;
    readonly eventId: string | null;
    /** Names of the secrets that the run declares; none where they are sealed already. */
    readonly secrets: readonly string[];
  }[];
}

export interface HandedValues {
  /** Sealed to that runner for that attempt; null where none were asked for, or not all are there. */
  readonly secrets: string | null;
  /** Names that no secret has any more. */
  readonly missing: readonly string[];
  /** Names whose values no key of the installation opens. */
  readonly unreadable: readonly string[];
  readonly variables: Readonly<Record<string, Json>> | null;
}

/** Only home is asked these. */
export interface HomeApi {
  /** Numbers of the workspace's shards; home's own is not among them. */
  listShards(): Promise<readonly number[]>;
  /**
   * Gives a queue a shard of its own, or takes it home again. Refuses `shard_conflict` while the Dispatcher that had the
   * queue before has runs of it, and when there are 31 shards already.
   */
  setQueueShard(command: { readonly name: string; readonly own: boolean; readonly by: Stamp }): Promise<Outcome<Queue>>;
  copyEvent(query: { readonly eventId: string; readonly versions: readonly number[] }): Promise<EventCopy | null>;
  /** Texts for everybody who watches the workspace. */
  relay(texts: readonly string[]): Promise<void>;
  /** Null to a message that is out of date. */
  askPlaces(ask: PlacesAsk): Promise<PlacesAnswer | null>;
  /** Null for one that is not registered. */
  runnerFacts(runnerId: string): Promise<RunnerFacts | null>;
  /** A call of an attempt whose shard has checked who holds it. */
  callHome(call: HomeCall): Promise<CallAnswer>;
  /** The attempt is over: its locks go, and what is still on its way does nothing. */
  endCalls(ref: { readonly runId: string; readonly attempt: number }): Promise<void>;
  /** One for each job, in order; null for a runner that is not registered, or revoked. */
  sealValues(ask: ValuesAsk): Promise<readonly HandedValues[] | null>;
}

/** What home and the Worker ask of a shard; `leftOf` and `ownDefinition` of home, too. */
export interface ShardApi {
  enqueuePlaced(batch: {
    readonly commands: readonly EnqueueCommand[];
    readonly placement: Placement;
  }): Promise<PlacedAnswer>;
  learn(facts: Facts): Promise<void>;
  /** Takes no trigger of this queue any more that was placed under this generation or an older one. */
  releaseQueue(command: { readonly queue: string; readonly generation: number }): Promise<void>;
  leftOf(queue: string): Promise<Leftovers>;
  /** Whether D1 has all that happened to runs here up to this moment, milliseconds since 1970. */
  hasTold(until: number): Promise<boolean>;
  /** The definition of an ad-hoc run; null when it is not kept here. */
  ownDefinition(runId: string): Promise<EventDefinition | null>;
}
