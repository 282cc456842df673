/**
 * What the Dispatcher of a workspace offers to use cases. One Durable Object per workspace is the authority over its
 * events, runs, attempts, leases and runners; everything here is decided in single synchronous turns inside it and is
 * durable when the promise resolves.
 *
 * Every method may be repeated with the same arguments. Expected outcomes are values; only faults reject. Values cross
 * an RPC boundary, so errors travel as `Refusal`, never as classes.
 */
import type {
  Artifact,
  Backfill,
  Bulk,
  BulkAction,
  BulkFilter,
  BulkPreview,
  CreateEvent,
  CreateSchedule,
  ErrorCode,
  Event,
  EventDefinition,
  FieldError,
  Json,
  Labels,
  Lateness,
  Occurrence,
  PauseSchedule,
  PollAnswer,
  PollRequest,
  Queue,
  ResumeSchedule,
  Run,
  RunOrigin,
  Runner,
  RunnerDetail,
  RunnerPlatform,
  RunState,
  Schedule,
  Settings,
  StartBackfill,
  Trigger,
  UpdateEvent,
  UpdateRun,
  UpdateSchedule,
  UpdateSettings,
} from "@cronium/protocol";
import type * as z from "zod";
import type { Stamp } from "./act.ts";
import type { AuditAsk, AuditFilter, AuditRow, ChainFinding } from "./audit.ts";
import type { EngineStats } from "./engine-stats.ts";
import type { OccurrenceAsk, WhyFacts } from "./schedule/ledger.ts";
import type { UsedUp } from "./quota.ts";
import type { HomeApi, Placement, ShardApi } from "./sharding.ts";
import type { ValuesApi } from "./values-api.ts";
import type { HooksApi } from "./webhooks/hooks-api.ts";

export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
  readonly errors?: readonly FieldError[];
  /** With `quota_exceeded`: which, and when to try again. */
  readonly usedUp?: UsedUp;
}
export type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

export interface EnqueueOptions {
  readonly priority?: number | undefined;
  /** No start before this, milliseconds since 1970. */
  readonly notBefore?: number | undefined;
}

/** An ended run that is repeated; it may have left the Dispatcher. */
export interface RetriedRun {
  readonly id: string;
  /** Null for an ad-hoc script. */
  readonly eventId: string | null;
  readonly eventVersion: number | null;
  readonly eventName: string;
  readonly queue: string;
  readonly priority: number;
  /** Of an ad-hoc run that another Dispatcher keeps. */
  readonly definition?: EventDefinition | null;
}

export interface EnqueueCommand {
  readonly runId: string;
  /** What makes this trigger one run: the Idempotency-Key with its caller, or the run id when there is none. */
  readonly causeKey: string;
  /** SHA-256 of the request body, hex; the same key with another body is refused. */
  readonly bodyHash: string;
  readonly trigger: Trigger;
  /** Undefined: the event's default. */
  readonly input: Json | undefined;
  /** What this trigger asks for instead of the event's own. */
  readonly options: EnqueueOptions;
  /** An event of the workspace, or a definition of its own for an ad-hoc script. */
  readonly target:
    | { readonly kind: "event"; readonly eventId: string }
    | { readonly kind: "adhoc"; readonly name: string; readonly queue: string; readonly definition: EventDefinition }
    /** What this run ran; `input` is then never undefined. */
    | { readonly kind: "retry"; readonly run: RetriedRun };
  /** What triggered it, beside the kind of its trigger; absent for nothing more to say. */
  readonly origin?: RunOrigin;
  /** Who repeats an ended run; other triggers are no entry of the audit. */
  readonly by?: Stamp;
  /** The run id of an earlier placement, in a shard that answered `moved`. */
  readonly abandoned?: { readonly runId: string; readonly released: number };
}

export interface Enqueued {
  readonly runId: string;
  readonly created: boolean;
  /** Home's word on where the run is to be made, under this `runId`, or was made; it is not made here. */
  readonly placement?: Placement;
}

export interface RequeuedRun {
  readonly runId: string;
  readonly state: RunState;
  /** False when an earlier request had done it. */
  readonly requeued: boolean;
}

export interface StartBulkCommand {
  readonly bulkId: string;
  /** Null without an Idempotency-Key. */
  readonly causeKey: string | null;
  readonly bodyHash: string;
  readonly action: BulkAction;
  readonly filter: BulkFilter;
  readonly by: Stamp;
}

export interface RegisterRunnerCommand {
  readonly runnerId: string;
  readonly name: string;
  readonly labels: z.infer<typeof Labels>;
  readonly version: string;
  readonly platform: RunnerPlatform;
  /** It takes one job and leaves for good. Default: false. */
  readonly ephemeral?: boolean;
  /** The registration token that brought it in; absent from a Worker of the version before. */
  readonly by?: Stamp;
}

/** A request that the Worker has led here: who it claims to come from was looked up, or its session token is good. */
export interface PollCommand extends Pick<PollRequest, "ack" | "from" | "frames" | "leave"> {
  readonly runnerId: string;
  /** Id of the session. */
  readonly session: string;
  /** Of the runner, to open the session; null for one that is open. */
  readonly publicKey: string | null;
}

/** Who does it: written into the audit in the commit of the act. */
export interface By {
  readonly by: Stamp;
}

export interface SettingsAt {
  readonly settings: Settings;
  /** Raised by each change, 1 at first. */
  readonly version: number;
}

export interface CommitArtifactCommand {
  readonly runId: string;
  readonly number: number;
  readonly sha256: string;
}

export interface DispatcherApi extends HomeApi, ShardApi, HooksApi, ValuesApi {
  createEvent(command: {
    readonly eventId: string;
    readonly event: CreateEvent;
    /** Null without an Idempotency-Key. */
    readonly causeKey: string | null;
    readonly bodyHash: string;
    readonly by: Stamp;
  }): Promise<Outcome<{ readonly event: Event; readonly created: boolean }>>;
  updateEvent(command: By & { readonly eventId: string; readonly change: UpdateEvent }): Promise<Outcome<Event>>;
  getEvent(eventId: string): Promise<Event | null>;
  listEventVersions(eventId: string): Promise<readonly Event[]>;

  enqueue(command: EnqueueCommand): Promise<Outcome<Enqueued>>;
  /** All in one commit; one outcome for each command. `cause` is the Idempotency-Key of the whole. */
  enqueueBatch(batch: {
    readonly commands: readonly EnqueueCommand[];
    readonly cause: { readonly key: string | null; readonly bodyHash: string };
  }): Promise<Outcome<readonly Outcome<Enqueued>[]>>;
  getRun(runId: string): Promise<Run | null>;
  /** Only while it is queued. */
  updateRun(command: By & { readonly runId: string; readonly change: UpdateRun }): Promise<Outcome<Run>>;
  cancelRun(
    command: By & { readonly runId: string },
  ): Promise<Outcome<{ readonly runId: string; readonly state: RunState }>>;

  /** Of runs that D1 has kept long enough, those that may be deleted; dead letters among them are forgotten here first. */
  releaseRuns(ids: readonly string[]): Promise<readonly string[]>;
  /** Only a dead letter; those are here until their retention ends. */
  requeueRun(command: {
    readonly runId: string;
    /** Null without an Idempotency-Key. */
    readonly causeKey: string | null;
    readonly bodyHash: string;
    readonly by: Stamp;
  }): Promise<Outcome<RequeuedRun>>;

  registerRunner(command: RegisterRunnerCommand): Promise<Outcome<Runner>>;
  /** Closes the runner's sockets and refuses its leases; for revocation. */
  revokeRunner(runnerId: string): Promise<Outcome<null>>;
  /** Ends its quarantine. */
  releaseRunner(command: By & { readonly runnerId: string }): Promise<Outcome<Runner>>;
  /** Null ends the pause. Home tells the shards. */
  setRunnerPause(
    command: By & {
      readonly runnerId: string;
      readonly pause: { readonly note: string; readonly forMs: number | null } | null;
    },
  ): Promise<Outcome<Runner>>;
  /** It finishes what it has and ends. Refused with `runner_offline` where it is not connected. */
  drainRunner(command: By & { readonly runnerId: string; readonly note: string }): Promise<Outcome<Runner>>;
  /** Asks the machine how it does, and waits a second for that at most. */
  inspectRunner(runnerId: string): Promise<Outcome<RunnerDetail>>;
  /** One request of a polling session; without frames it may be held. `publicKey` opens the session. */
  poll(command: PollCommand): Promise<PollAnswer>;
  listRunners(): Promise<readonly Runner[]>;

  listQueues(): Promise<readonly Queue[]>;
  /** Null resumes it. */
  setQueuePause(
    command: By & { readonly name: string; readonly pause: { readonly note: string } | null },
  ): Promise<Queue>;

  createSchedule(
    command: By & { readonly scheduleId: string; readonly schedule: CreateSchedule },
  ): Promise<Outcome<Schedule>>;
  /** Refused with `version_conflict` when it is not at `ifVersion`, where that is a number. */
  updateSchedule(
    command: By & { readonly scheduleId: string; readonly change: UpdateSchedule; readonly ifVersion: number | null },
  ): Promise<Outcome<Schedule>>;
  deleteSchedule(
    command: By & { readonly scheduleId: string; readonly ifVersion: number | null },
  ): Promise<Outcome<null>>;
  pauseSchedule(
    command: By & { readonly scheduleId: string; readonly pause: PauseSchedule },
  ): Promise<Outcome<Schedule>>;
  resumeSchedule(
    command: By & { readonly scheduleId: string; readonly resume: ResumeSchedule },
  ): Promise<Outcome<Schedule>>;
  getSchedule(scheduleId: string): Promise<Schedule | null>;
  /** In the order in which they were made, behind the id `after`. */
  listSchedules(page: {
    readonly eventId: string | undefined;
    readonly after: string;
    readonly limit: number;
  }): Promise<readonly Schedule[]>;
  /** Newest nominal time first. */
  listOccurrences(ask: OccurrenceAsk): Promise<readonly Occurrence[]>;
  /** Of all schedules with null. */
  lateness(scheduleId: string | null): Promise<Lateness>;
  /** About the nominal times from `from` to before `until`; null when there is no such schedule. */
  whyFacts(ask: {
    readonly scheduleId: string;
    readonly from: number;
    readonly until: number;
  }): Promise<WhyFacts | null>;
  startBackfill(
    command: By & { readonly scheduleId: string; readonly backfillId: string; readonly ask: StartBackfill },
  ): Promise<Outcome<Backfill>>;
  getBackfill(backfillId: string): Promise<Backfill | null>;

  getSettings(): Promise<SettingsAt>;
  /** Refuses with `version_conflict` when they are not at `ifVersion`, where that is a number. */
  updateSettings(
    command: By & { readonly change: UpdateSettings; readonly ifVersion: number | null },
  ): Promise<Outcome<SettingsAt>>;

  /**
   * The bytes of an artifact have arrived. Refused with `attempt_not_active` or `artifact_exists`; not new when the run has
   * one of that name with the same bytes. Then, and when it is refused, they are to be deleted.
   */
  commitArtifact(
    command: CommitArtifactCommand,
  ): Promise<Outcome<{ readonly artifact: Artifact; readonly isNew: boolean }>>;
  /** Blobs of artifacts of these runs, where there are any. */
  artifactNumbers(runIds: readonly string[]): Promise<readonly { readonly runId: string; readonly number: number }[]>;

  /** Rooms ask to be told of a run's changes while somebody watches it. */
  watchRun(runId: string): Promise<Run | null>;
  /** Of runs that are here: `retry`, which is about those in D1, finds none. Counting stops at `most`. */
  previewBulk(command: Pick<StartBulkCommand, "action" | "filter"> & { readonly most: number }): Promise<BulkPreview>;
  startBulk(command: StartBulkCommand): Promise<Outcome<{ readonly bulkId: string }>>;
  /** Null when there is none, or it ended more than seven days ago. */
  getBulk(bulkId: string): Promise<Bulk | null>;
  stopBulk(command: By & { readonly bulkId: string }): Promise<Outcome<Bulk>>;

  /** Entries of this Dispatcher's own chain, newest first. */
  listAudit(ask: AuditAsk): Promise<readonly AuditRow[]>;
  /** Oldest first, after `seq`. */
  listAuditAfter(ask: {
    readonly seq: number;
    readonly limit: number;
    readonly filter: AuditFilter;
  }): Promise<readonly AuditRow[]>;
  verifyAudit(): Promise<ChainFinding>;

  /** For the deletion of the workspace: cancels what runs, and cuts everybody off. */
  closeDown(): Promise<void>;
  /** Ids of runs that may have a log room, in their order, after this one. */
  listRooms(page: { readonly after: string; readonly limit: number }): Promise<readonly string[]>;
  /** Forgets everything, for good. */
  erase(): Promise<void>;

  stats(): Promise<EngineStats>;
  /** A harmless round trip through storage, for `/ready`; with ids of master keys that its secrets need and that are missing. */
  check(): Promise<{
    readonly outboxRows: number;
    readonly missingKeys: readonly string[];
    readonly shards: readonly number[];
  }>;
}
