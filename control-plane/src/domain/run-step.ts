/** What the rules of a run are given and what they answer. They are pure: time and randomness are arguments. */
import type { AttemptRecord, RunRecord } from "./run.ts";

/** A run and the attempt that a command names; null when the command names none or it does not exist. */
export interface RunState {
  readonly run: RunRecord;
  readonly attempt: AttemptRecord | null;
}

/** Who sends a command: the socket's runner and process. */
export interface Holder {
  readonly runnerId: string;
  readonly epoch: string;
}

export interface Circumstances {
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
  readonly leaseMs: number;
}

/** What the sender is told. */
export type Reply =
  | { readonly kind: "none" }
  | { readonly kind: "granted" }
  | { readonly kind: "refused"; readonly code: "stale_attempt" | "not_lease_holder" | "already_final" }
  | { readonly kind: "ack"; readonly of: "exited" | "done" }
  /** Nothing was changed; the runner is to stop that container. The code is for the audit. */
  | { readonly kind: "stale"; readonly code: "stale_attempt" | "not_lease_holder" | "already_final" }
  | { readonly kind: "invalid"; readonly message: string }
  /** Verdict for an attempt that a connecting runner still holds. */
  | { readonly kind: "adopt" }
  | { readonly kind: "kill" };

/** The records after the command, equal to those before it (same object) where nothing changed. */
export interface Step {
  readonly run: RunRecord;
  readonly attempt: AttemptRecord | null;
  readonly reply: Reply;
  /** Tell the attempt's runner to stop the job. */
  readonly cancelJob?: { readonly reason: "user" | "superseded" | "shutdown" };
  /** Keep the output of this command as the run's. */
  readonly keepOutput?: boolean;
}

export function unchanged(state: RunState, reply: Reply): Step {
  return { run: state.run, attempt: state.attempt, reply };
}

/** Why `holder` may not speak for this attempt; null when it may. Says nothing about the attempt being over. */
export function whyNotHolder(state: RunState, holder: Holder): "stale_attempt" | "not_lease_holder" | null {
  const { run, attempt } = state;
  if (attempt === null) {
    return "stale_attempt";
  }
  if (attempt.runnerId !== holder.runnerId) {
    return "not_lease_holder";
  }
  if (attempt.attempt !== run.attempt || attempt.epoch !== holder.epoch) {
    return "stale_attempt";
  }
  return null;
}
