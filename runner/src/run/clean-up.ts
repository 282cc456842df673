/** Leaves nothing behind: container, socket folder, spool. Safe to call at any point and more than once. */
import { settledWithin } from "../base/clock.ts";
import { errorText } from "../base/log.ts";
import type { Prepared } from "./prepare.ts";
import type { RunState } from "./run.ts";

/** Past this the sweep takes over; a run must not wait for a container that will not go. */
const REMOVE_WITHIN_MS = 10_000;

/**
 * Removes the container and closes the socket, so that the token is dead; what fails is left to the sweep. A slot that
 * goes on with another run of its event is given back instead: its bootstrap has ended the token.
 */
export async function removeSlot(state: RunState, prepared: Prepared): Promise<void> {
  const { clock, executor, sidecar } = state.deps;
  if (prepared.slot.again?.giveBack() === true) {
    state.removed = true;
    return;
  }
  const parts: Promise<void>[] = [prepared.slot.remove()];
  if (executor.hasRuntimeApi) {
    parts.push(sidecar.close(prepared.slotId));
  }
  const removal = Promise.all(
    parts.map((part) =>
      part.catch((error: unknown) => {
        state.log.warn("run.clean_up_failed", { problem: errorText(error) });
      }),
    ),
  );
  await settledWithin(clock, removal, REMOVE_WITHIN_MS);
  state.removed = true;
}

export async function cleanUp(state: RunState, prepared: Prepared, dropped: boolean): Promise<void> {
  await removeSlot(state, prepared);
  if (dropped) {
    state.deps.journal.note({ type: "dropped", ...state.ref });
    state.sink.remove();
  }
}
