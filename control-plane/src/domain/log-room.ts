/** What the log room of a run offers to the Worker and to the Dispatcher. Rooms are named `<workspaceId>:<runId>`. */
import type { LogBatch, LogBatchAnswer, LogState, Run } from "@cronium/protocol";

export interface LogRoomApi {
  /** The run changed: tell the watchers. Older `rev`s are ignored. */
  runChanged(run: Run): Promise<void>;
  /** The run has ended: close the log, archive it, forget it here. Idempotent. */
  finish(run: Run): Promise<void>;
  /**
   * Log frames of an attempt whose runner has no socket. Idempotent, as each frame is. `capBytes`: the most that is kept
   * of the attempt; default: the most that any may have.
   */
  writeBatch(attempt: number, batch: LogBatch, capBytes?: number): Promise<LogBatchAnswer>;
  /** Forgets everything, for good: its workspace is deleted. */
  erase(): Promise<void>;
  /** What is known of the log so far. */
  status(): Promise<{ readonly logState: LogState; readonly bytes: number }>;
}
