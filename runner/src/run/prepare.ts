/**
 * Everything that can be done while the control plane decides on the grant, all at once: the journal entry, the
 * socket, the token, the container, or one that waits already. None of it knows the job's script, input or environment.
 * The journal knows the slot before the job is bound to it, so that a process that dies in between leaves no riddle.
 */
import { containerOf, type Job } from "@cronium/protocol";
import type { Slot, SlotEvents } from "../executors/types.ts";
import { executionToken } from "./environment.ts";
import { slotProfile } from "./profile.ts";
import type { RunState } from "./run.ts";

/** How long past its timeout a job may still be there: grace, kill, removal. */
const DEADLINE_MARGIN_MS = 120_000;

export interface Prepared {
  readonly slotId: string;
  readonly slot: Slot;
  /** The attempt is in the journal for good. */
  readonly journalled: Promise<void>;
  /** The slot's socket accepts connections. */
  readonly socketOpen: Promise<void>;
  readonly token: Promise<string>;
}

export function prepare(state: RunState): Prepared {
  const { deps, job, ref, mounts } = state;
  const { executor, sidecar, journal, clock } = deps;
  const { definition } = job;
  const profile = slotProfile(definition, mounts);
  const owner = ownerOf(job);
  const waiting = executor.slots.reserve?.(profile, owner) ?? null;
  const slotId = waiting?.slot ?? deps.randomId();
  const journalled = journal.write({ type: "accepted", ...ref, slot: slotId, onLost: definition.onLost, job });
  const socketOpen = waiting?.opened ?? (executor.hasRuntimeApi ? sidecar.open(slotId) : Promise.resolve());
  const token = executionToken(sidecar.key, job, clock.now());
  const slot = executor.slots.take(
    {
      slot: slotId,
      ...ref,
      profile,
      owner,
      deadlineAt: clock.now() + definition.timeoutMs + DEADLINE_MARGIN_MS,
      definition,
      apiFolder: executor.hasRuntimeApi ? sidecar.folderOf(slotId) : null,
    },
    slotEvents(state),
  );
  for (const promise of [journalled, socketOpen, token]) {
    // Awaited later, or never when the job is refused.
    promise.catch(() => {});
  }
  return { slotId, slot, journalled, socketOpen, token };
}

/** Whose runs may follow one another in a container: those of one version of one event that asks for it. */
function ownerOf(job: Job): string | null {
  const { workspaceId, eventId, eventVersion, definition } = job;
  const { reuse, network } = containerOf(definition);
  // What leads a job out belongs to that job.
  const may = reuse && network.mode === "none" && eventId !== null && eventVersion !== null;
  return may ? `${workspaceId}/${eventId}/${eventVersion}` : null;
}

/** Where a slot's output goes. */
export function slotEvents(state: Pick<RunState, "deps" | "ref" | "sink" | "log">): SlotEvents {
  const { deps, ref, sink, log } = state;
  return {
    bytes: (stream, bytes) => sink.bytes(stream, bytes),
    lost: (bytes) => sink.lost(bytes),
    notice: (text) => sink.notice(text),
    value: (value) => {
      deps.journal.write({ type: "output", ...ref, value }).catch((error: unknown) => {
        log.error("run.output_lost", { problem: error });
      });
    },
  };
}
