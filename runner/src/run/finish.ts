/**
 * From the end of the process to `done`: the result is durable before it is sent, the token dies, the rest of the log
 * travels, and the container is gone before the attempt is called done.
 */
import { containerOf, type JobResult, LOG_DRAIN_MS } from "@cronium/protocol";
import { settledWithin } from "../base/clock.ts";
import { errorText } from "../base/log.ts";
import { removeSlot } from "./clean-up.ts";
import type { Prepared } from "./prepare.ts";
import type { RunState } from "./run.ts";

export async function finish(state: RunState, prepared: Prepared, result: JobResult, granted: boolean): Promise<void> {
  const { deps, ref, sink, log } = state;
  try {
    await deps.journal.write({ type: "exited", ...ref, result });
  } catch (error) {
    // A full disk: the result still travels, only a crash in this very moment would lose it.
    log.error("run.result_not_durable", { problem: errorText(error) });
  }
  deps.link.send({ type: "exited", ...ref, result });
  log.info("run.exited", {
    outcome: result.outcome,
    failReason: result.failReason,
    exitCode: result.exitCode,
    ms: result.durationMs,
  });
  const neverRan = state.startedAt === null;
  if (!neverRan) {
    await settledWithin(deps.clock, prepared.slot.drained, LOG_DRAIN_MS);
  }
  await keepFailed(state, prepared, result);
  const removed = removeSlot(state, prepared);
  const report = granted ? await sink.end(LOG_DRAIN_MS) : { logBytes: 0, logState: "complete" as const };
  await removed;
  try {
    await deps.journal.write({ type: "done", ...ref, report });
  } catch (error) {
    log.error("run.done_not_durable", { problem: errorText(error) });
  }
  deps.link.send({ type: "done", jobs: [{ ...ref, ...report }] });
  log.info("run.done", { logBytes: report.logBytes, logState: report.logState });
}

/** For an event that asks for it: what has failed stays for a look at it, and the log of the run says where. */
async function keepFailed(
  { deps, job, ref, sink, log }: RunState,
  { slot }: Prepared,
  result: JobResult,
): Promise<void> {
  const { keepFailedMs } = containerOf(job.definition);
  if (keepFailedMs === 0 || !["failed", "timed_out"].includes(result.outcome)) {
    return;
  }
  const until = deps.clock.now() + keepFailedMs;
  try {
    const name = (await slot.keep?.(ref, until)) ?? null;
    sink.notice(
      name === null
        ? "keepFailedMs: nothing of this run could be kept"
        : `The container is kept on the runner as ${name} until ${new Date(until).toISOString()}: there, cronium-runner inspect ${ref.runId} says how to look into it`,
    );
  } catch (error) {
    log.warn("run.not_kept", { problem: errorText(error) });
  }
}
