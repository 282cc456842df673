/** Deletes runs that ended longer ago than they are kept: blobs first, so that none is left behind. */
import type { Deps } from "../deps.ts";
import { artifactKey, detailKey, logKey } from "../domain/blob-keys.ts";
import {
  deleteRunRows,
  findExpiredByEvent,
  findExpiredRuns,
  findNextExpiry,
  findOldestQueuedAt,
  type EventKeep,
} from "../store/runs.ts";

/** Small, so that lists and projections get their turns at the database. */
const BATCH = 100;

/** How long runs are kept. */
export interface Keep {
  /** Those of the workspace. */
  readonly keepMs: number;
  /** Every event, where at least one has a time of its own; empty otherwise. */
  readonly byEvent: readonly EventKeep[];
  /** Asked before anything is deleted: which of these runs may go. */
  readonly release: (ids: readonly string[]) => Promise<readonly string[]>;
}

export interface Expired {
  readonly deleted: number;
  /** Whether there may be more. */
  readonly more: boolean;
  /** When the next run may have served its time; null when none is left. */
  readonly nextAt: number | null;
}

/** One batch. May be repeated after any fault. */
export async function expireRuns(
  deps: Pick<Deps, "d1" | "blobs">,
  workspaceId: string,
  keep: Keep,
  now: number,
): Promise<Expired> {
  const { d1, blobs } = deps;
  // Runs without an event are kept as the workspace says.
  const events = keep.byEvent.length === 0 ? [] : [...keep.byEvent, { eventId: null, keepMs: keep.keepMs }];
  const found =
    events.length === 0
      ? await findExpiredRuns(d1, workspaceId, now - keep.keepMs, BATCH)
      : await findExpiredByEvent(d1, workspaceId, events, now, BATCH);
  const released = new Set(await keep.release(found.map(({ id }) => id)));
  const runs = found.filter(({ id }) => released.has(id));
  for (const { id, hasLog, inBlob, artifacts } of runs) {
    for (const number of artifacts?.split(",") ?? []) {
      await blobs.delete(artifactKey(workspaceId, id, Number(number)));
    }
    if (hasLog) {
      await blobs.delete(logKey(workspaceId, id));
    }
    if (inBlob) {
      await blobs.delete(detailKey(workspaceId, id));
    }
  }
  if (runs.length > 0) {
    await deleteRunRows(
      d1,
      workspaceId,
      runs.map(({ id }) => id),
    );
  }
  const oldest = events.length === 0 ? await findOldestQueuedAt(d1, workspaceId) : null;
  return {
    deleted: runs.length,
    more: found.length === BATCH,
    nextAt:
      events.length === 0
        ? oldest === null
          ? null
          : oldest + keep.keepMs
        : await findNextExpiry(d1, workspaceId, events),
  };
}
