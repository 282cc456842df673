/**
 * Deleting a workspace for good. At once, in one transaction, nobody belongs to it any more and nothing opens it; its
 * runs are cancelled and its runners cut off. What it held goes half a minute later, when the last who were remembered
 * for some seconds are gone and the logs of its last runs have settled.
 *
 * The watchdog goes on with it once a minute, from the beginning: each step may be repeated, and the workspace's own row
 * is the last to go, so a crash anywhere loses nothing but the minute.
 */
import { AppError } from "@cronium/protocol/errors";
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { artifactKey, detailKey, logKey } from "../domain/blob-keys.ts";
import type { Act } from "../domain/act.ts";
import { findWorkspace } from "../store/accounts.ts";
import { deleteRunRows } from "../store/runs.ts";
import {
  beginDeletionStatements,
  deleteContent,
  findAnyRuns,
  listDeletions,
  type DeletionRow,
} from "../store/workspace-deletion.ts";
import { commitAct, requireProof } from "./account-audit.ts";

/** Longer than callers and shards are remembered (ten seconds), and than a request takes. */
const QUIET_MS = 30_000;
const PAGE = 100;

/** `name` as the owner typed it. Throws `forbidden`, `proof_required`, or `invalid_value` for another name. */
export async function deleteWorkspace(deps: Deps, act: Act, name: string): Promise<void> {
  const { actor } = act;
  if (actor.kind !== "user" || actor.role !== "owner") {
    throw new AppError("forbidden", "Only an owner who is signed in can delete the workspace.");
  }
  requireProof(deps, actor);
  const { workspaceId } = actor;
  const workspace = await findWorkspace(deps.db, workspaceId);
  if (workspace?.name !== name) {
    throw new AppError("invalid_value", "The name is not that of this workspace; nothing was deleted.", {
      errors: [
        { pointer: "/name", code: "invalid_value", message: "must be the name of the workspace, letter by letter" },
      ],
    });
  }
  const deed = { verb: "workspace.deleted", target: workspaceId, before: name };
  await commitAct(deps, act, deed, beginDeletionStatements(deps.d1, { workspaceId, now: deps.clock.now() }));
  deps.recentActors.clear();
  deps.log.info("workspace.deletion_begun", { workspaceId, by: actor.userId });
  await closeDown(deps, workspaceId);
}

/** What is due of all deletions. Never throws: what failed is begun again the next time. */
export async function continueDeletions(deps: Deps): Promise<void> {
  for (const deletion of await listDeletions(deps.d1)) {
    try {
      await goOn(deps, deletion);
    } catch (error) {
      deps.log.warn("workspace.deletion_failed", { workspaceId: deletion.id, error: String(error) });
    }
  }
}

async function goOn(deps: Deps, { id: workspaceId, deletingAt }: DeletionRow): Promise<void> {
  await closeDown(deps, workspaceId);
  if (deps.clock.now() < deletingAt + QUIET_MS) {
    return;
  }
  for (const shard of (await shardsOf(deps, workspaceId)).toReversed()) {
    await eraseDispatcher(deps, workspaceId, shard);
  }
  let runs = await findAnyRuns(deps.d1, workspaceId, PAGE);
  while (runs.length > 0) {
    const ids = runs.map(({ id }) => id);
    await eraseBlobs(deps, workspaceId, ids);
    for (const { id, artifacts } of runs) {
      for (const number of artifacts?.split(",") ?? []) {
        await deps.blobs.delete(artifactKey(workspaceId, id, Number(number)));
      }
    }
    await deleteRunRows(deps.d1, workspaceId, ids);
    runs = await findAnyRuns(deps.d1, workspaceId, PAGE);
  }
  await deleteContent(deps.d1, workspaceId);
  deps.log.info("workspace.deleted", { workspaceId });
}

/** Home first; it is erased last, because it knows the others. */
async function shardsOf(deps: Deps, workspaceId: string): Promise<readonly number[]> {
  return [HOME_SHARD, ...(await deps.dispatcherFor(workspaceId).listShards())];
}

async function closeDown(deps: Deps, workspaceId: string): Promise<void> {
  for (const shard of await shardsOf(deps, workspaceId)) {
    await deps.dispatcherFor(workspaceId, shard).closeDown();
  }
}

async function eraseDispatcher(deps: Deps, workspaceId: string, shard: number): Promise<void> {
  const dispatcher = deps.dispatcherFor(workspaceId, shard);
  let after = "";
  for (;;) {
    const ids = await dispatcher.listRooms({ after, limit: PAGE });
    await Promise.all(ids.map((runId) => deps.logRoomFor(workspaceId, runId).erase()));
    await eraseBlobs(deps, workspaceId, ids);
    for (const { runId, number } of await dispatcher.artifactNumbers(ids)) {
      await deps.blobs.delete(artifactKey(workspaceId, runId, number));
    }
    const last = ids.at(-1);
    if (last === undefined) {
      break;
    }
    after = last;
  }
  await dispatcher.deleteDeliveryBlobs();
  await dispatcher.erase();
}

async function eraseBlobs({ blobs }: Deps, workspaceId: string, runIds: readonly string[]): Promise<void> {
  for (const runId of runIds) {
    await blobs.delete(logKey(workspaceId, runId));
    await blobs.delete(detailKey(workspaceId, runId));
  }
}
