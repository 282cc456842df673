/**
 * States of runs and attempts, their reasons and allowed transitions: plain tables without zod, shared by control
 * plane, runner, CLI and dashboard. A screen or a rule never invents a state; it reads one from here.
 *
 * A Run is what people see. An Attempt is one try of it; its number is the fence that every write carries. Reasons are
 * kept apart from states: `queueReason` says why a run waits, the other reasons why it ended.
 */

export const runStates = [
  "queued",
  "starting",
  "running",
  "waiting",
  "cancelling",
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "expired",
  "skipped",
] as const;
export type RunState = (typeof runStates)[number];

export const attemptStates = [
  "offered",
  "accepted",
  "running",
  "finishing",
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "lost",
  "declined",
] as const;
export type AttemptState = (typeof attemptStates)[number];

/** Where a run may go from each state. Terminal states are write-once; requeueing a dead letter is the only way out. */
export const runTransitions = {
  queued: ["starting", "cancelled", "expired", "skipped", "failed"],
  starting: ["running", "queued", "waiting", "cancelling", "failed", "timed_out", "cancelled", "succeeded"],
  running: ["succeeded", "failed", "timed_out", "queued", "waiting", "cancelling", "cancelled"],
  waiting: ["running", "queued", "failed", "timed_out", "cancelled", "succeeded"],
  cancelling: ["cancelled", "succeeded", "failed", "timed_out"],
  succeeded: [],
  failed: ["queued"],
  timed_out: [],
  cancelled: [],
  expired: [],
  skipped: [],
} as const satisfies Record<RunState, readonly RunState[]>;

/** Where an attempt may go from each state. `lost` is left only when the runner returns before a next attempt exists. */
export const attemptTransitions = {
  offered: ["accepted", "declined", "cancelled"],
  accepted: ["running", "finishing", "failed", "timed_out", "cancelled", "lost"],
  running: ["finishing", "failed", "timed_out", "cancelled", "lost"],
  finishing: ["succeeded", "failed", "timed_out", "cancelled", "lost"],
  succeeded: [],
  failed: [],
  timed_out: [],
  cancelled: [],
  lost: ["accepted", "running", "finishing", "succeeded", "failed", "timed_out", "cancelled"],
  declined: [],
} as const satisfies Record<AttemptState, readonly AttemptState[]>;

export const terminalRunStates = ["succeeded", "failed", "timed_out", "cancelled", "expired", "skipped"] as const;

export function isTerminal(state: RunState): boolean {
  return (terminalRunStates as readonly RunState[]).includes(state);
}

/** Attempt states in which a runner holds the job and its lease counts. */
export const liveAttemptStates = ["offered", "accepted", "running", "finishing"] as const;

export function isLiveAttempt(state: AttemptState): boolean {
  return (liveAttemptStates as readonly AttemptState[]).includes(state);
}

/** Why a queued run is not running yet. */
export const queueReasons = {
  no_matching_runner: "No runner that is online carries every label this run asks for.",
  runner_busy: "Every matching runner is at its capacity.",
  runner_not_ready: "A matching runner is online but cannot take this kind of job now.",
  concurrency_limit: "As many runs as its limit allows are running already.",
  rate_limit: "The rate limit for this event has been used up.",
  queue_paused: "Its queue is paused.",
  retry_backoff: "The previous attempt failed; the next one starts after a short wait.",
  delayed: "It was asked to start later.",
  debounced: "It waits for further triggers to gather.",
  quota: "The workspace has used up its quota.",
} as const;
export type QueueReason = keyof typeof queueReasons;

/** Why a run failed or timed out. */
export const failReasons = {
  exit_code: "The script ended with an exit code other than 0.",
  signal: "The script was ended by a signal.",
  oom: "The script used more memory than its limit and was killed.",
  timeout: "The script ran longer than its timeout and was stopped.",
  output_too_large: "The script's output was larger than allowed.",
  disk_full: "The disk it wrote to was full.",
  log_quota: "The script printed more than its log quota allows.",
  image_pull: "The container image could not be pulled.",
  image_missing: "The container image is not on the runner and may not be pulled, or cannot run the script.",
  start_failed: "The container could not be started.",
  daemon: "Docker stopped answering while the job ran.",
  runner_lost: "The runner stopped answering while it held the job.",
  runner_shutdown: "The runner was shut down before the job was done.",
  policy_denied: "The runner's local policy does not allow what the job asks for.",
  secret_not_found: "A secret that the event uses does not exist.",
  retries_exhausted: "Every retry was used up; the last error is kept with the run.",
} as const;
export type FailReason = keyof typeof failReasons;

/** Why a run was skipped. */
export const skipReasons = {
  overlap: "The previous run of this event was still going.",
  blackout: "It was due within a blackout of its schedule.",
  missed_policy: "It was due while nothing could run it, and its catch-up rule says not to make up for it.",
} as const;
export type SkipReason = keyof typeof skipReasons;

/** Why a run was cancelled. */
export const cancelReasons = {
  user: "Someone cancelled it.",
  superseded: "A newer run took its place.",
  shutdown: "What it ran on was shut down for good.",
} as const;
export type CancelReason = keyof typeof cancelReasons;

/** Why a run expired. */
export const expireReasons = {
  queue_ttl: "It waited in the queue longer than allowed.",
} as const;
export type ExpireReason = keyof typeof expireReasons;

export const triggers = ["manual", "api", "schedule", "webhook", "workflow", "event"] as const;
export type Trigger = (typeof triggers)[number];

/** How far a run's log is known to be whole. */
export const logStates = {
  none: "Nothing has been printed yet.",
  live: "The log is still being written.",
  complete: "Every byte is here.",
  incomplete: "Some bytes did not arrive; the missing parts are marked.",
  truncated: "The log reached its size limit; the rest was dropped.",
} as const;
export type LogState = keyof typeof logStates;

/** Failures of the surroundings, retried by the infra budget; all others are the script's own. */
export const infraFailReasons = [
  "image_pull",
  "start_failed",
  "daemon",
  "runner_lost",
  "runner_shutdown",
] as const satisfies readonly FailReason[];

export function isInfraFailure(reason: FailReason): boolean {
  return (infraFailReasons as readonly FailReason[]).includes(reason);
}

/**
 * Whether a run is a dead letter: it failed because every retry after failures of the surroundings was used up. It is
 * kept with its last error until its retention ends, and a requeue puts it back into the queue.
 */
export function isDeadLetter(run: { readonly state: RunState; readonly failReason: string | null }): boolean {
  return run.state === "failed" && run.failReason === ("retries_exhausted" satisfies FailReason);
}
