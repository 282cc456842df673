/**
 * What a run needs from the rest of the runner, as interfaces: `run/` knows neither the connection nor the sidecar
 * process nor the files behind them. `runner-program.ts` puts the real ones together.
 */
import type {
  AttemptRef,
  BootstrapJob,
  CallError,
  CallOp,
  Job,
  JobResult,
  Json,
  LogStream,
  RunContext,
  RunnerMessage,
  SidecarCommand,
} from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { AgainMark, Executor, HostMount } from "../executors/types.ts";
import type { StopReason } from "./verdict.ts";

/** The control connection. What is sent while it is down is dropped: everything that must arrive is repeated. */
export interface ControlLink {
  readonly open: boolean;
  send(message: RunnerMessage): void;
}

/** What the control plane says to a call of a job. */
export type CallAnswer =
  | { readonly ok: true; readonly result: Json }
  | { readonly ok: false; readonly error: CallError };

export type LogState = "complete" | "incomplete" | "truncated";

/** The part of the journal that a run writes. Each promise resolves once the record is durable. */
export interface RunJournal {
  write(
    record:
      | ({
          readonly type: "accepted";
          readonly slot: string;
          readonly onLost: Job["definition"]["onLost"];
          readonly job: Job;
        } & AttemptRef)
      | ({ readonly type: "started"; readonly at: number } & AttemptRef)
      | ({ readonly type: "output"; readonly value: Json } & AttemptRef)
      | ({ readonly type: "exited"; readonly result: JobResult } & AttemptRef)
      | ({
          readonly type: "done";
          readonly report: { readonly logBytes: number; readonly logState: LogState };
        } & AttemptRef),
  ): Promise<void>;
  note(
    record:
      | ({
          readonly type: "granted";
          readonly logToken: string;
          readonly secrets?: string;
          readonly variables?: Readonly<Record<string, Json>>;
        } & AttemptRef)
      | ({
          readonly type: "bound";
          readonly token: string;
          readonly at: number;
          readonly again?: AgainMark;
        } & AttemptRef)
      | ({ readonly type: "handed_out" } & AttemptRef)
      | ({ readonly type: "stopping"; readonly reason: StopReason; readonly graceMs: number } & AttemptRef)
      | ({ readonly type: "dropped" } & AttemptRef),
  ): void;
  get(
    ref: AttemptRef,
  ): { readonly output: Json; readonly handedOut: boolean; readonly resultAcked: boolean } | undefined;
}

export type Egress = NonNullable<Extract<SidecarCommand, { type: "bind" }>["egress"]>;

export interface SidecarBinding {
  readonly slot: string;
  readonly attempt: number;
  readonly job: BootstrapJob;
  readonly input: Json;
  /** Values by name, in the clear: never written down. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly context: RunContext;
  /** Where it may go through the proxy; null where there is none. */
  readonly egress: Egress | null;
  /** One line about a connection that it made, or was refused. */
  readonly onEgress: (text: string) => void;
  /** A token that the job is about to get: its log must not show it. */
  readonly onToken: (token: string) => void;
  /** The bootstrap has fetched the job already, from an earlier process. */
  readonly handedOut: boolean;
  /** The bootstrap has fetched the job. */
  readonly onHandedOut: () => void;
  /** The job has ended with 0, and its slot waits for another. */
  readonly onFree: () => void;
  /** Makes an output durable before the script is told that it is. */
  readonly store: (value: Json) => Promise<void>;
  /** Asks the control plane. Never rejects. */
  readonly call: (key: string, op: CallOp) => Promise<CallAnswer>;
}

/** The sidecar process; it survives restarts of that process by opening and binding everything again. */
export interface Sidecar {
  /** Key of the execution tokens. */
  readonly key: Uint8Array;
  folderOf(slot: string): string;
  /** Resolves once the slot's socket accepts connections. */
  open(slot: string): Promise<void>;
  bind(binding: SidecarBinding): void;
  /** Resolves once the socket and its folder are gone. */
  close(slot: string): Promise<void>;
}

/** Takes one attempt's output, keeps it on disk and ships it. */
export interface LogSink {
  /** The job may start: connect to its log room. */
  connect(token: string): void;
  /**
   * Hides these values, by name, and their usual encodings in all bytes that come from now on, and `tokens` as they are.
   * May be called again; a log that begins says once which values are too short to be hidden.
   */
  conceal(secrets: Readonly<Record<string, string>>, tokens?: readonly string[]): void;
  /** Keeps no more than `bytes` of the log; `overflow` is called once when more has come, also before this call. */
  limit(bytes: number, overflow?: () => void): void;
  bytes(stream: Exclude<LogStream, "system">, bytes: Uint8Array): void;
  /** A remark of Cronium's own, one line without its end. */
  notice(text: string): void;
  /** Bytes of each stream that an earlier process has taken, as the job printed them. */
  readonly taken: { readonly stdout: number; readonly stderr: number };
  /** Bytes that a power cut took from what an earlier process had taken; at least these. */
  readonly tornBytes?: number;
  /** Bytes that were printed while nobody listened and can no longer be had; at least this many. */
  lost(bytes: number): void;
  /** No byte follows. Resolves once the room has everything, or at the latest after `withinMs`. */
  end(withinMs: number): Promise<{ readonly logBytes: number; readonly logState: LogState }>;
  /** Lets go of what is on disk, for another sink to take up. */
  close(): void;
  /** Deletes what is left on disk. */
  remove(): void;
}

export interface RunDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly link: ControlLink;
  readonly journal: RunJournal;
  readonly sidecar: Sidecar;
  readonly executor: Executor;
  /** What jobs ask of the control plane. */
  readonly calls: { call(ref: AttemptRef, key: string, op: CallOp): Promise<CallAnswer> };
  readonly runnerName: string;
  /** Whether the local policy lets the job run, and the folders it gets. */
  readonly policy: (
    job: Job,
  ) => { readonly ok: true; readonly mounts: readonly HostMount[] } | { readonly ok: false; readonly message: string };
  /** Opens what a job was handed; throws when it is not for this runner and attempt. */
  readonly openSecrets: (job: Job, sealed: string | null) => Readonly<Record<string, string>>;
  /** What the local policy says of hosts and private addresses. */
  readonly egress: Pick<Egress, "also" | "privateRanges">;
  readonly logSink: (ref: AttemptRef) => LogSink;
  readonly randomId: () => string;
}
