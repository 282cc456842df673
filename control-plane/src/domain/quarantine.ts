/**
 * Quarantine: a runner on which one run after the other fails before its script has begun gets no more of them, until a
 * person has looked at it.
 *
 * Counted are attempts that the runner itself reports as failed before the script began, because of the container or
 * Docker; each run once, however often it is retried, so that one run that cannot start anywhere takes no runner with
 * it. An image that cannot be had counts not at all: the event names it, and other events' jobs are fine. An attempt that begins its script sets the count to nothing. A lost attempt counts neither way: a
 * network that is gone for a while says nothing about the machine.
 */
import { QUARANTINE_AFTER_RUNS } from "@cronium/protocol/limits";
import type { FailReason } from "@cronium/protocol/run-states";
import type { AttemptRecord } from "./run.ts";
import type { RunnerRecord } from "./runner.ts";

const AT_START: ReadonlySet<string> = new Set<FailReason>(["start_failed", "daemon"]);

export type Health = Pick<RunnerRecord, "startFailures" | "quarantinedAt" | "quarantineMessage">;

/** Nothing is held against it. */
export const SOUND: Health = { startFailures: [], quarantinedAt: null, quarantineMessage: null };

/** What a change of one of its attempts means for a runner; null when nothing. */
export function healthAfter(
  runner: Health & Pick<RunnerRecord, "name">,
  before: AttemptRecord | null,
  attempt: AttemptRecord,
  now: number,
): Partial<Health> | null {
  const { startFailures, quarantinedAt } = runner;
  if (attempt.startedAt !== null) {
    return before?.startedAt === null && startFailures.length > 0 && quarantinedAt === null
      ? { startFailures: [] }
      : null;
  }
  const failed = attempt.state === "failed" && before?.state !== "failed" && AT_START.has(attempt.failReason ?? "");
  if (!failed || quarantinedAt !== null || startFailures.includes(attempt.runId)) {
    return null;
  }
  const failures = [...startFailures, attempt.runId];
  if (failures.length < QUARANTINE_AFTER_RUNS) {
    return { startFailures: failures };
  }
  const last = attempt.message ?? attempt.failReason ?? "";
  return {
    startFailures: failures,
    quarantinedAt: now,
    quarantineMessage: `${runner.name} failed to start ${failures.length} different runs in a row. Last: ${last}`,
  };
}
