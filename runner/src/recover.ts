/**
 * What a new process makes of the journal an earlier one left.
 *
 * An attempt with a result is reported again until it is acknowledged; what is left of its log is shipped first. An
 * attempt without one is `lost`: the sweep has removed its container, and the rest of its log is shipped while the
 * control plane decides what becomes of it. (Adopting containers that still run belongs here
 * later: list them by label, and hold those as `running` whose attempt the control plane answers with `adopt`.)
 */
import { type AttemptRef, LOG_DRAIN_MS } from "@cronium/protocol";
import { errorText, type Log } from "./base/log.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { ControlLink, LogSink } from "./run/deps.ts";

export interface RecoverOptions {
  readonly journal: Journal;
  readonly link: ControlLink;
  readonly log: Log;
  readonly logSink: (ref: AttemptRef) => LogSink;
}

/** Ships the rest of each log, and reports `done` for attempts whose result is known. Returns at once. */
export function finishEarlierRuns(options: RecoverOptions): void {
  for (const entry of options.journal.entries()) {
    if (entry.done === null) {
      finishOne(options, entry).catch((error: unknown) => {
        options.log.error("recover.failed", { runId: entry.runId, problem: errorText(error) });
      });
    }
  }
}

/** Attempts an earlier process left without a result. */
export function lostAttempts(journal: Journal): AttemptRef[] {
  return journal
    .entries()
    .filter((entry) => entry.result === null)
    .map(({ runId, attempt }) => ({ runId, attempt }));
}

async function finishOne(options: RecoverOptions, entry: JournalEntry): Promise<void> {
  const ref = { runId: entry.runId, attempt: entry.attempt };
  const sink = options.logSink(ref);
  if (entry.logToken !== null) {
    sink.connect(entry.logToken);
  }
  const report = await sink.end(LOG_DRAIN_MS);
  if (entry.result === null || options.journal.get(ref) === undefined) {
    sink.remove();
    return;
  }
  await options.journal.write({ type: "done", ...ref, report });
  options.link.send({ type: "done", jobs: [{ ...ref, ...report }] });
}
