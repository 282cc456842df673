/** What a job asks of the control plane, once it is known who asks (`protocol/src/calls.ts`). */
import type { CallError, CallOp, Json } from "@cronium/protocol";

/** A call of an attempt that its Dispatcher found to be held by this runner and process. */
export interface HomeCall {
  readonly runId: string;
  readonly attempt: number;
  readonly eventId: string | null;
  readonly runnerId: string;
  readonly epoch: string;
  readonly key: string;
  readonly op: CallOp;
}

/** One of the two. */
export type CallAnswer =
  | { readonly result: Json; readonly error?: undefined }
  | { readonly error: CallError; readonly result?: undefined };

/** What is decided by the workspace's own Dispatcher, for runs of shards too: variables and locks. */
export function isHomes(op: CallOp): boolean {
  return op.do.startsWith("variable.") || op.do.startsWith("lock.");
}

/** The variable that it writes; null for anything else. */
export function writtenBy(op: CallOp): string | null {
  return op.do === "variable.set" || op.do === "variable.delete" ? op.name : null;
}
