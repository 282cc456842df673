/** Hands each frame of the control plane to the loop that it is for. */
import type { Calls } from "./calls.ts";
import type { WorkMessage } from "./connection.ts";
import type { Cancel } from "./loops/cancel.ts";
import type { Dispatch } from "./loops/dispatch.ts";
import type { Drain } from "./loops/drain.ts";
import type { Report } from "./loops/report.ts";

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
