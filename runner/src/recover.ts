/**
 * What a new process makes of the journal an earlier one left, before it says hello.
 *
 * Attempts whose container is still here go on as runs of this process, ended or not, and so do those of which nobody
 * can tell, because their engine does not answer. Of the others, those with a result
 * are reported again until that is acknowledged, after what is left of their log has been shipped; those without one are
 * `lost`, and the rest of their log is shipped while the control plane decides what becomes of them.
 */
import { type AttemptRef, DEFAULT_LEASE_MS, LOG_DRAIN_MS } from "@cronium/protocol";
import { errorText, type Log } from "./base/log.ts";
import type { Journal } from "./journal.ts";
import type { JournalEntry } from "./journal-records.ts";
import { adopt } from "./run/adopt.ts";
import type { ControlLink, LogSink, RunDeps } from "./run/deps.ts";
import type { Runs } from "./run/runs.ts";

export interface RecoverOptions {
  readonly journal: Journal;
  readonly runs: Runs;
  readonly link: ControlLink;
  readonly log: Log;
  readonly logSink: (ref: AttemptRef) => LogSink;
}

/**
 * Whether a container of it may be here, or output of one that was not read to its end. A container that serves several
 * runs may be another's by the time that there is a result, and has been read to the end of this one.
 */
export function mayGoOn(entry: JournalEntry): boolean {
  const { bound, done, result } = entry;
  return bound !== null && done === null && (bound.again === undefined || result === null);
}

/** Takes up every attempt whose container is here. */
export async function adoptEarlierRuns(journal: Journal, runs: Runs, deps: RunDeps): Promise<void> {
  const waitMs = journal.lastRenewal?.leaseMs ?? DEFAULT_LEASE_MS;
  const adopting = journal.entries().map(async (entry) => {
    const { job, logToken, bound } = entry;
    if (!mayGoOn(entry) || job === null || logToken === null || bound === null) {
      return;
    }
    const run = await adopt(deps, { ...entry, job, logToken, bound }, waitMs);
    if (run !== null) {
      runs.add(run);
    }
  });
  await Promise.all(adopting);
}

/** Ships the rest of each log, and reports `done` for attempts whose result is known. Returns at once. */
export function finishEarlierRuns(options: RecoverOptions): void {
  for (const entry of options.journal.entries()) {
    if (entry.done === null && options.runs.get(entry) === undefined) {
      finishOne(options, entry).catch((error: unknown) => {
        options.log.error("recover.failed", { runId: entry.runId, problem: errorText(error) });
      });
    }
  }
}

/** Attempts an earlier process left without a result, and of which nothing is here. */
export function lostAttempts(journal: Journal, runs: Runs): AttemptRef[] {
  return journal
    .entries()
    .filter((entry) => entry.result === null && runs.get(entry) === undefined)
    .map(({ runId, attempt }) => ({ runId, attempt }));
}

async function finishOne(options: RecoverOptions, entry: JournalEntry): Promise<void> {
  const ref = { runId: entry.runId, attempt: entry.attempt };
  const sink = options.logSink(ref);
  if (entry.logToken !== null) {
    sink.connect(entry.logToken);
  }
  if (sink.tornBytes !== undefined && sink.tornBytes > 0) {
    // Nobody is left to read them from again.
    sink.lost(sink.tornBytes);
  }
  const report = await sink.end(LOG_DRAIN_MS);
  if (entry.result === null || options.journal.get(ref) === undefined) {
    sink.remove();
    return;
  }
  await options.journal.write({ type: "done", ...ref, report });
  options.link.send({ type: "done", jobs: [{ ...ref, ...report }] });
}
