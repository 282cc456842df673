/**
 * Goes on with a run that an earlier process of this runner started: its container is still there, running or ended.
 *
 * In a row: the executor finds the slot again and says so, or there is nothing to go on with → the sidecar opens the
 * socket in the folder that the container has mounted → the job is bound again under the token it knows → the log goes
 * on behind the last byte that was spooled. All of it before the first hello, so that the control plane hears `running`
 * and answers with its verdict; until then, and while it cannot be reached, the job goes on.
 */
import type { AttemptRef, Job, JobResult } from "@cronium/protocol";
import { errorText } from "../base/log.ts";
import type { RunDeps } from "./deps.ts";
import { slotEvents } from "./prepare.ts";
import { Run, type Stop } from "./run.ts";
import { bind } from "./start.ts";

/** What the journal knows of it. */
export interface LeftOver {
  readonly slot: string;
  readonly job: Job;
  readonly logToken: string;
  readonly bound: { readonly token: string; readonly at: number };
  readonly handedOut: boolean;
  readonly startedAt: number | null;
  readonly stopping: Stop | null;
  readonly result: JobResult | null;
}

/** The run, going on; null when nothing of it is left on this machine. Never rejects. */
export async function adopt(deps: RunDeps, left: LeftOver): Promise<Run | null> {
  const { job } = left;
  const ref: AttemptRef = { runId: job.runId, attempt: job.attempt };
  const sink = deps.logSink(ref);
  const log = deps.log.child(ref);
  const request = { slot: left.slot, ...ref, definition: job.definition };
  const slot = await deps.executor
    .adopt(request, slotEvents({ deps, ref, sink, log }), sink.taken)
    .catch((error: unknown) => {
      log.warn("run.not_adopted", { problem: errorText(error) });
      return null;
    });
  if (slot === null) {
    sink.close();
    return null;
  }
  const socketOpen = deps.executor.hasRuntimeApi ? deps.sidecar.open(left.slot) : Promise.resolve();
  socketOpen.catch((error: unknown) => {
    log.error("run.socket_not_opened", { problem: errorText(error) });
  });
  bind({ deps, job, ref }, left.slot, { token: left.bound.token, handedOut: left.handedOut });
  sink.connect(left.logToken);
  log.info("run.adopted", { ended: left.result !== null });
  return new Run(deps, job, [], {
    sink,
    prepared: {
      slotId: left.slot,
      slot,
      journalled: Promise.resolve(),
      socketOpen,
      token: Promise.resolve(left.bound.token),
    },
    startedAt: left.startedAt ?? left.bound.at,
    stop: left.stopping,
    result: left.result,
  });
}
