/** Deletes runs that ended longer ago than the workspace keeps them: blobs first, so that none is left behind. */
import type { Deps } from "../deps.ts";
import { detailKey, logKey } from "../domain/blob-keys.ts";
import { deleteRunRows, findExpiredRuns, findOldestQueuedAt } from "../store/runs.ts";

/** Small, so that lists and projections get their turns at the database. */
const BATCH = 100;

export interface Expired {
  readonly deleted: number;
  /** Whether there may be more. */
  readonly more: boolean;
  /** When the oldest run that is left was queued; null when none is. */
  readonly oldestQueuedAt: number | null;
}

/** One batch. May be repeated after any fault. */
export async function expireRuns(
  deps: Pick<Deps, "d1" | "blobs">,
  workspaceId: string,
  endedBefore: number,
): Promise<Expired> {
  const runs = await findExpiredRuns(deps.d1, workspaceId, endedBefore, BATCH);
  for (const { id, hasLog, inBlob } of runs) {
    if (hasLog) {
      await deps.blobs.delete(logKey(workspaceId, id));
    }
    if (inBlob) {
      await deps.blobs.delete(detailKey(workspaceId, id));
    }
  }
  if (runs.length > 0) {
    await deleteRunRows(
      deps.d1,
      workspaceId,
      runs.map(({ id }) => id),
    );
  }
  return {
    deleted: runs.length,
    more: runs.length === BATCH,
    oldestQueuedAt: await findOldestQueuedAt(deps.d1, workspaceId),
  };
}
