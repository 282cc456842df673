/**
 * Retries. Two budgets: failures of the surroundings (infra) get 3, failures of the script what the event allows.
 * `maxAttempts` caps container starts over both. The wait grows 5 s, 40 s, 5 min with full jitter, so that runs that
 * failed together do not come back together.
 */
import { INFRA_RETRIES, RETRY_BASE_MS, RETRY_CAP_MS } from "@cronium/protocol/limits";
import { isInfraFailure, type FailReason } from "@cronium/protocol/run-states";
import type { RunRecord } from "./run.ts";

/** From 5 s to 5 min within the three retries of the infra budget. */
const GROWTH = 8;

/** Milliseconds to wait before retry number `nth` (from 1); `random` is in [0, 1). */
export function backoffMs(nth: number, random: number): number {
  return Math.floor(random * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * GROWTH ** (nth - 1)));
}

/** Failures that the script caused by running; a retry may go better. A refusal by policy never does. */
const SCRIPT_FAILURES: ReadonlySet<string> = new Set(["exit_code", "signal", "oom", "timeout"]);

export type RetryVerdict =
  | { readonly retry: true; readonly waitMs: number; readonly budget: "infra" | "script" }
  | { readonly retry: false; readonly exhausted: boolean };

/**
 * Whether a failed attempt is followed by another. `run` holds the budgets as spent before this failure, but already
 * the start of this attempt. `exhausted` says that retries were made and none is left.
 */
export function decideRetry(run: RunRecord, reason: FailReason, random: number): RetryVerdict {
  if (run.cancelRequestedAt !== null) {
    return { retry: false, exhausted: false };
  }
  const infra = isInfraFailure(reason);
  if (!infra && !SCRIPT_FAILURES.has(reason)) {
    return { retry: false, exhausted: false };
  }
  const spent = infra ? run.infraFailures : run.scriptFailures;
  const budget = infra ? INFRA_RETRIES : run.scriptRetries;
  if (spent >= budget || run.starts >= run.maxAttempts) {
    return { retry: false, exhausted: infra && run.infraFailures > 0 };
  }
  return { retry: true, waitMs: backoffMs(spent + 1, random), budget: infra ? "infra" : "script" };
}
