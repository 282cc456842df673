/** Watches a running process until it is gone: by itself, by its timeout, or because someone asked. */
import { DEFAULT_GRACE_MS } from "@cronium/protocol";
import { errorText } from "../base/log.ts";
import { ExecutorError, type Slot } from "../executors/types.ts";
import type { RunState } from "./run.ts";
import type { Ending } from "./verdict.ts";

/** `timeOut` is called when the event's timeout has passed; it must lead to `state.stopped`. */
export async function supervise(state: RunState, slot: Slot, timeOut: (graceMs: number) => void): Promise<Ending> {
  const { clock } = state.deps;
  const ranMs = clock.monotonic() - (state.startedAt ?? clock.monotonic());
  // A clock that began anew with the machine tells nothing.
  const leftMs = state.job.definition.timeoutMs - Math.max(0, ranMs);
  const cancelTimeout = clock.after(leftMs, () => timeOut(DEFAULT_GRACE_MS));
  const exited = slot.exited.then(
    (exit): Ending => ({ kind: "exited", exit }),
    (error: unknown): Ending => ({ kind: "failed", error: asExecutorError(error) }),
  );
  try {
    const first = await Promise.race([exited, state.stopped]);
    if ("kind" in first) {
      return first;
    }
    try {
      await slot.stop(first.graceMs);
    } catch (error) {
      state.log.error("run.stop_failed", { problem: errorText(error) });
      return { kind: "failed", error: asExecutorError(error) };
    }
    return await exited;
  } finally {
    // From here on a stop is too late: the process is gone.
    state.over = true;
    cancelTimeout();
  }
}

function asExecutorError(error: unknown): ExecutorError {
  return error instanceof ExecutorError ? error : new ExecutorError("daemon", errorText(error), { cause: error });
}
