/** What the control plane says, and its silence, handed to the loops and jobs that it is for. */
import { DEFAULT_GRACE_MS, shardOf } from "@cronium/protocol";
import type { Calls } from "./calls.ts";
import type { Welcome, WorkMessage } from "./connection.ts";
import type { Journal } from "./journal.ts";
import type { Cancel } from "./loops/cancel.ts";
import type { Dispatch } from "./loops/dispatch.ts";
import type { Drain } from "./loops/drain.ts";
import type { Report } from "./loops/report.ts";
import { lostAttempts } from "./recover.ts";
import type { Runs } from "./run/runs.ts";

export interface InboxLoops {
  readonly dispatch: Dispatch;
  readonly cancel: Cancel;
  readonly report: Report;
  readonly drain: Drain;
  readonly calls: Calls;
}

export function deliver(loops: InboxLoops, message: Exclude<WorkMessage, { type: "shards" | "measure" }>): void {
  const { dispatch, cancel, report, drain, calls } = loops;
  switch (message.type) {
    case "jobs":
      dispatch.onJobs(message);
      return;
    case "granted":
      dispatch.onGranted(message);
      return;
    case "refused":
      dispatch.onRefused(message);
      return;
    case "cancel":
      cancel.onCancel(message);
      return;
    case "ack":
      report.onAck(message);
      return;
    case "stale":
      cancel.drop({ runId: message.runId, attempt: message.attempt }, "stale");
      return;
    case "drain":
      drain.begin();
      return;
    case "answer":
      calls.onAnswer(message);
      return;
    case "uncache":
      calls.onUncache(message);
      return;
    case "renewed":
      for (const ref of message.stale) {
        cancel.drop(ref, "stale");
      }
      return;
    default:
      message satisfies never;
  }
}

/** A connection has begun: what the Dispatcher of this shard has given up goes, and what it may have missed is repeated. */
export function settle(
  loops: InboxLoops & { readonly journal: Journal; readonly runs: Runs },
  welcome: Welcome,
  shard: number,
): void {
  const { dispatch, cancel, report, calls, journal, runs } = loops;
  for (const ref of welcome.kill) {
    cancel.drop(ref, "kill");
  }
  for (const ref of lostAttempts(journal, runs)) {
    if (shardOf(ref.runId) === shard) {
      cancel.drop(ref, "reported as lost");
    }
  }
  report.repeat();
  calls.repeat(shard);
  dispatch.repeatAccepts();
}

/** The leases of this shard are about to run out: what may run again elsewhere stops here. */
export function stopFenced(runs: Runs, shard: number): void {
  for (const run of runs.all()) {
    if (shardOf(run.job.runId) === shard && run.job.definition.onLost === "retry") {
      run.stop("lease_lost", DEFAULT_GRACE_MS);
    }
  }
}
