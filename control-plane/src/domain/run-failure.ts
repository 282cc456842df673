/** After a failed attempt: another one if a budget allows it, else the end, with a reason and a sentence either way. */
import { failReasons, type FailReason } from "@cronium/protocol/run-states";
import type { JobResult } from "@cronium/protocol";
import { decideRetry } from "./retry.ts";
import type { AttemptRecord, RunRecord } from "./run.ts";
import type { Circumstances, Step } from "./run-step.ts";
import { moveRun } from "./transition.ts";

/** `attempt` has its final state already; `run` still has the state it had while the attempt ran. */
export function fail(run: RunRecord, attempt: AttemptRecord, outcome: "failed" | "timed_out", at: Circumstances): Step {
  const reason = (attempt.failReason ?? "exit_code") as FailReason;
  const said = attempt.message ?? failReasons[reason];
  const verdict = decideRetry(run, reason, at.random);
  if (verdict.retry) {
    const infra = verdict.budget === "infra" ? 1 : 0;
    const next = moveRun(run, "queued", {
      queueReason: "retry_backoff",
      notBefore: at.now + verdict.waitMs,
      message: `Attempt ${attempt.attempt} failed: ${said} The next one starts in ${Math.ceil(verdict.waitMs / 1_000)} s.`,
      infraFailures: run.infraFailures + infra,
      scriptFailures: run.scriptFailures + 1 - infra,
    });
    return { run: next, attempt, reply: { kind: "none" } };
  }
  // Whatever the last failure was called, a run without a retry left is a dead letter, and those are `failed`.
  const end = moveRun(run, verdict.exhausted ? "failed" : outcome, {
    failReason: verdict.exhausted ? "retries_exhausted" : reason,
    message: verdict.exhausted ? `No retry is left after ${attempt.attempt} attempts. Last: ${said}` : said,
    finishedAt: at.now,
  });
  return { run: end, attempt, reply: { kind: "none" } };
}

/** A result that names no reason still gets one: every failed attempt says why. */
export function reasonOf(result: JobResult): FailReason | null {
  if (result.outcome === "timed_out") {
    return result.failReason ?? "timeout";
  }
  if (result.outcome === "failed") {
    return result.failReason ?? (result.signal === null ? "exit_code" : "signal");
  }
  return null;
}

/** The result's own sentence, or one with the values at hand; null for a success without remarks. */
export function sentenceFor(result: JobResult, reason: FailReason | null): string | null {
  if (result.message !== null || reason === null) {
    return result.message;
  }
  if (reason === "exit_code" && result.exitCode !== null) {
    return `The script ended with exit code ${result.exitCode}.`;
  }
  if (reason === "signal" && result.signal !== null) {
    return `The script was ended by ${result.signal}.`;
  }
  return failReasons[reason];
}
