/**
 * The contract of an executor: what turns a job into a running process and says how it ended.
 *
 * Who implements it: `docker.ts` for containers, `fake.ts` for scenarios; SSH and others follow. Who calls it: `run/`
 * alone. `main.ts` is the only file that names an implementation.
 *
 * Order of calls for one job: `check` → `reserve` → `take` → (`Slot.ready`) → `Slot.start` → `Slot.exited` → `Slot.remove`.
 *  - `check` answers at once, from memory and the local file system, whether the job may run here at all.
 *  - `take` returns at once and prepares the slot behind it. It is called before the control plane has granted the job,
 *    so nothing of the job itself may be handed to the slot yet; a slot that is refused is only removed.
 *  - `start` is called once, after `ready` and the grant. Output reaches `events.bytes` from then on, in order per
 *    stream, and `drained` settles after the last byte. Output is never held back: a paused reader blocks the job.
 *  - `stop` may come at any time after `take`, more than once, and also after the end. It returns when the process is
 *    gone, or throws `ExecutorError` with `stuck` when it will not go.
 *  - `remove` leaves nothing behind and may repeat. It is called for every slot that was taken.
 *  - `adopt` takes the place of `check` to `start` for a slot that an earlier process of this runner started. Output goes
 *    on behind the bytes in `seen`: none twice, none left out, or `events.lost` says that some cannot be had any more.
 *    An end that nobody watched is told as any other.
 *
 * Errors are `ExecutorError`; the code is a `failReason` of the run, and the message is for people.
 */
import type {
  Container,
  EventDefinition,
  FailReason,
  Json,
  LogStream,
  MachineMetrics,
  NotReadyReason,
  Runtime,
} from "@cronium/protocol";

export type ExecutorFailure = Extract<FailReason, "image_missing" | "image_pull" | "start_failed" | "daemon"> | "stuck";

export class ExecutorError extends Error {
  readonly code: ExecutorFailure;

  constructor(code: ExecutorFailure, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ExecutorError";
    this.code = code;
  }
}

/** A folder of this machine as the local policy resolved it. */
export interface HostMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What kind of slot a job needs. Slots of one profile are alike, so a pool may keep them ready. */
export interface SlotProfile {
  readonly runtime: Runtime;
  readonly memoryMb: number;
  readonly mounts: readonly HostMount[];
  readonly limits: SlotLimits;
  /** The user's own image; null for the built-in one. */
  readonly image: Pick<Container, "image" | "pull"> | null;
  /** Packages that the script names, in one order; of the runtime's own index. */
  readonly packages: readonly string[];
  /** Whether it has a network of its own; without one it has loopback alone, also where a proxy leads out. */
  readonly bridge: boolean;
  readonly executor: Container["executor"];
  /** Whether the engine keeps a copy of the output, for a runner that was away while it was printed. */
  readonly log: Container["log"];
}

export type SlotLimits = Pick<
  Container,
  "cpus" | "pids" | "files" | "tmpMb" | "diskMb" | "diskReadMbps" | "diskWriteMbps"
>;

export interface SlotRequest {
  readonly profile: SlotProfile;
  /** Whose runs may follow one another in one slot; null where each run needs one of its own. */
  readonly owner: string | null;
  /** Name of the slot: letters and digits, unique on this machine for ever. */
  readonly slot: string;
  readonly runId: string;
  readonly attempt: number;
  /** When the job should be gone for good, in milliseconds since 1970; for people and sweeps, not for decisions. */
  readonly deadlineAt: number;
  /** The definition, for executors that steer by it. A slot never hands it to the job: the sidecar does. */
  readonly definition: EventDefinition;
  /** Folder with `api.sock`, which the job reaches; null for executors without a runtime API. */
  readonly apiFolder: string | null;
}

export interface SlotEvents {
  bytes(stream: Extract<LogStream, "stdout" | "stderr">, bytes: Uint8Array): void;
  /** Output of an adopted slot that is gone for good; at least this many bytes. */
  lost(bytes: number): void;
  /** A remark of Cronium's own for the log of the run, one line. */
  notice?(text: string): void;
  /** An output value, from executors whose jobs have no runtime API. */
  value(value: Json): void;
}

export interface Exit {
  /** 0 to 255, as a shell would see it: 128 + n for signal n. */
  readonly code: number;
  /** The kernel killed something in the slot for want of memory; says nothing about what the script did then. */
  readonly oomKilled: boolean;
  /** How long it ran, where the end was not watched. */
  readonly ranMs?: number;
}

/** What is known of a slot that an earlier process started. */
export type AdoptRequest = Pick<SlotRequest, "slot" | "runId" | "attempt" | "definition" | "apiFolder"> & {
  /** As it was when the job was bound; null for a slot of one job. */
  readonly again: AgainMark | null;
};

/** Of a job in a slot that serves several. */
export interface AgainMark {
  /** What stands in both streams behind its last byte, see `BootstrapJob.reuse`. */
  readonly mark: string;
  /** Bytes that the slot had printed before this job. */
  readonly stdout: number;
  readonly stderr: number;
}

/** What a slot that serves several jobs can do for one of them. */
export interface Again {
  readonly mark: AgainMark;
  /** Its bootstrap says that the job has ended with 0 and that it waits for the next. */
  ended(): void;
  /**
   * Keeps the slot for another job of the same owner, when this one has ended so and nothing speaks against it; the
   * same answer as often as it is asked. False: it is to be removed.
   */
  giveBack(): boolean;
}

/** Bytes of each stream that an earlier process has taken over. */
export interface SeenBytes {
  readonly stdout: number;
  readonly stderr: number;
}

export interface Slot {
  /** The slot can be started. Rejects with `ExecutorError`. */
  readonly ready: Promise<void>;
  /** How it ended. Settles only after `start`; rejects with `ExecutorError` when nobody can tell any more. */
  readonly exited: Promise<Exit>;
  /** The last byte of output has been delivered; never rejects. */
  readonly drained: Promise<void>;
  /** Absent in a slot of one job. */
  readonly again?: Again | undefined;
  start(): Promise<void>;
  /** Nobody waits for it to get ready any more: what takes long is given up, and `ready` rejects. */
  abandon?(): void;
  /** Ends the job: SIGTERM, up to `graceMs`, SIGKILL, and a look whether it is gone. */
  stop(graceMs: number): Promise<void>;
  remove(): Promise<void>;
  /**
   * Leaves what has ended of this attempt for people to look at, until this moment in milliseconds since 1970; the sweep
   * takes it then. Returns the name it has from now on, null when nothing can be kept. `remove` still follows.
   */
  keep?(ref: Pick<SlotRequest, "runId" | "attempt">, untilMs: number): Promise<string | null>;
}

/** What stays of a failed run for people to look at. */
export interface FailedContainer {
  readonly runId: string;
  readonly attempt: number;
  readonly name: string;
  readonly id: string;
  readonly image: string;
  /** Milliseconds since 1970. */
  readonly untilMs: number;
  /** Programs with their arguments, to be run by a person on this machine. */
  readonly look: readonly { readonly what: string; readonly command: readonly string[] }[];
}

/** A slot that waits for a job and is kept for one attempt: its name, and its socket in the sidecar. */
export interface Reservation {
  readonly slot: string;
  /** The socket accepts connections. */
  readonly opened: Promise<void>;
}

/** Where slots come from: made cold for the job, or one that waits already. */
export interface SlotSource {
  /**
   * A slot of this profile that waits, one that has served this owner first; null, or no such method, when the job
   * starts cold. `take` with its name follows at once, and returns that slot; it runs already, so `start` has nothing to do and the job reaches it when it is bound.
   */
  reserve?(profile: SlotProfile, owner: string | null): Reservation | null;
  take(request: SlotRequest, events: SlotEvents): Slot;
}

/** What a slot that waits needs from outside: a name, and a socket in the sidecar. */
export interface SlotSockets {
  newName(): string;
  folderOf(slot: string): string;
  /** Resolves once the slot's socket accepts connections. The folder must be there before the slot starts. */
  open(slot: string): Promise<void>;
  close(slot: string): Promise<void>;
}

/** Slots that are started before their jobs come. */
export interface WarmSlots {
  /** Slots that wait now. */
  readonly size: number;
  /** The same by what they are for, largest count first. */
  readonly counts: MachineMetrics["waiting"];
  /** Called once what an earlier process left is taken up or removed. */
  open(sockets: SlotSockets): void;
  /** Removes those that wait and makes no more. May repeat. */
  close(): Promise<void>;
}

/** What an engine says of itself. */
export interface EngineState {
  readonly name: string;
  readonly version: string;
  readonly api: string;
  readonly containerd: string | null;
  readonly cgroup: "1" | "2" | null;
  readonly rootless: boolean;
  /** Where it keeps images and containers, on its own machine; null where it does not say. */
  readonly folder: string | null;
}

export interface Executor {
  readonly name: string;
  /** Whether its jobs talk to the sidecar. */
  readonly hasRuntimeApi: boolean;
  /** Where its jobs find the sidecar; absent: at the socket that is mounted into them. */
  readonly apiAddress?: string;
  readonly slots: SlotSource;
  /** Absent where every job starts cold. */
  readonly warm?: WarmSlots;
  /** Absent where nothing of a failed job can stay. */
  readonly failed?: {
    /** As of the last look, the newest first. */
    readonly list: readonly FailedContainer[];
    look(): Promise<readonly FailedContainer[]>;
  };
  /** Containers of jobs that have ended, and that its engine does not take away. */
  readonly stuck?: number;
  /** Version of the engine behind it; null when it does not answer or there is none. */
  readonly engineVersion: string | null;
  /** Asks it for more; rejects while it does not answer. Absent where there is none. */
  engine?(): Promise<EngineState>;
  /** What keeps it from taking jobs now; empty when nothing does. */
  readonly notReady: readonly NotReadyReason[];
  /** Starts watching its engine and calls `changed` whenever `notReady` differs; resolves after the first look. */
  open(changed: () => void): Promise<void>;
  /** Null when jobs of this runtime can start now, else a sentence for people. */
  check(runtime: Runtime, executor: Container["executor"]): string | null;
  /** The slot, going on or ended; null when it is gone or was never started. */
  adopt(request: AdoptRequest, events: SlotEvents, seen: SeenBytes): Promise<Slot | null>;
  /**
   * Removes everything of this runner that `isLive` does not know; returns how many things it removed. What was made
   * before its job was known has no run to name, only a slot.
   */
  sweep(isLive: (runId: string, attempt: number, slot: string) => boolean): Promise<number>;
  close(): Promise<void>;
}
