/**
 * Goes on with a run that an earlier process of this runner started: its container is still there, running or ended.
 *
 * In a row: the log learns what to hide → the executor finds the slot again and says so, or there is nothing to go on with, or nobody can tell yet
 * (`late-slot.ts`) and the run goes on as if it were there → the sidecar opens the
 * socket in the folder that the container has mounted → the job is bound again under the token it knows → the log goes
 * on behind the last byte that was spooled. All of it before the first hello, so that the control plane hears `running`
 * and answers with its verdict; until then, and while it cannot be reached, the job goes on.
 */
import { type AttemptRef, containerOf, type Job, type JobResult, type Json } from "@cronium/protocol";
import { settledWithin } from "../base/clock.ts";
import { errorText } from "../base/log.ts";
import type { AgainMark, Slot } from "../executors/types.ts";
import type { RunDeps } from "./deps.ts";
import { LateSlot, type LateSlotOptions } from "./late-slot.ts";
import { slotEvents } from "./prepare.ts";
import { Run, type Stop } from "./run.ts";
import { bind, openFor } from "./start.ts";

/** An engine that takes longer to say whether it knows a slot is taken for one that does not answer. */
const ANSWER_WITHIN_MS = 10_000;
const MIB = 1_048_576;

/** What the journal knows of it. */
export interface LeftOver {
  readonly slot: string;
  readonly job: Job;
  readonly logToken: string;
  /** As they were handed over: sealed. */
  readonly secrets: string | null;
  readonly variables: Readonly<Record<string, Json>>;
  readonly bound: { readonly token: string; readonly at: number; readonly again?: AgainMark };
  readonly handedOut: boolean;
  readonly startedAt: number | null;
  readonly stopping: Stop | null;
  readonly result: JobResult | null;
}

/**
 * The run, going on; null when nothing of it is left on this machine. An engine that does not answer is waited for
 * `waitMs`, behind the run. Never rejects.
 */
export async function adopt(deps: RunDeps, left: LeftOver, waitMs: number): Promise<Run | null> {
  const { job } = left;
  const ref: AttemptRef = { runId: job.runId, attempt: job.attempt };
  const sink = deps.logSink(ref);
  const log = deps.log.child(ref);
  const again = left.bound.again ?? null;
  const apiFolder = deps.executor.hasRuntimeApi ? deps.sidecar.folderOf(left.slot) : null;
  const request = { slot: left.slot, ...ref, definition: job.definition, apiFolder, again };
  const events = slotEvents({ deps, ref, sink, log });
  const secrets = openFor({ deps, job, sink }, left.bound.token, left.secrets);
  sink.limit(containerOf(job.definition).logCapMb * MIB);
  const find = (): Promise<Slot | null> => deps.executor.adopt(request, events, sink.taken);
  const slot = await askFor({ find, lost: () => events.lost(1), clock: deps.clock, log, withinMs: waitMs });
  if (slot === null) {
    sink.close();
    return null;
  }
  const socketOpen = deps.executor.hasRuntimeApi ? deps.sidecar.open(left.slot) : Promise.resolve();
  socketOpen.catch((error: unknown) => {
    log.error("run.socket_not_opened", { problem: errorText(error) });
  });
  bind({ deps, job, ref, sink }, left.slot, {
    token: left.bound.token,
    handedOut: left.handedOut,
    again: again?.mark ?? null,
    onFree: () => slot.again?.ended(),
    secrets,
    variables: left.variables,
  });
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

async function askFor(options: Omit<LateSlotOptions, "first">): Promise<Slot | null> {
  const { find, clock, log } = options;
  const first = find();
  try {
    if (await settledWithin(clock, first, ANSWER_WITHIN_MS)) {
      return await first;
    }
    log.warn("run.not_found_yet", { problem: `no answer within ${ANSWER_WITHIN_MS} ms` });
  } catch (error) {
    log.warn("run.not_found_yet", { problem: errorText(error) });
  }
  return new LateSlot({ ...options, first });
}
