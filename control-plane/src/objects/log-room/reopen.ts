/**
 * A run that goes on after its log was closed, as a dead letter does that is requeued.
 *
 * While the tables are still there they simply take frames again. Once they have gone the blob holds the earlier
 * attempts, and new tables begin behind it: readers get the blob first, the next archive writes both as one blob.
 * Example: attempts 1 to 4 are three blocks; attempt 5 opens the room, which notes them as its `base_blocks`, and archives
 * later to a blob that begins with those three.
 */
import type { Run } from "@cronium/protocol";
import { isTerminal } from "@cronium/protocol/run-states";
import { dispatcherOfRun } from "../../services/dispatchers.ts";
import { archiveKey } from "./archive.ts";
import { parseTable, plainBlock, readTable, tableText, type Block } from "./archive-format.ts";
import { readMeta, writeMeta, type Room } from "./room.ts";
import { createTables } from "./schema.ts";

export function isClosed(room: Room): boolean {
  return room.archived || room.closed;
}

/** Opens a log that is closed, or not begun, if the Dispatcher says that this attempt of the run is under way. */
export async function openFor(room: Room, attempt: number): Promise<void> {
  await room.forgetting;
  for (;;) {
    const dispatcher = await dispatcherOfRun(room.deps, room.workspaceId, room.runId);
    const run = await dispatcher.getRun(room.runId);
    const base = await blocksOfBase(room, run, attempt);
    if (room.stored && !isClosed(room)) {
      return;
    }
    // What was asked may be out of date by now: the run may have ended, and this room have been told so.
    if (run === null || run.rev >= room.toldRev) {
      open(room, run, attempt, base);
      return;
    }
  }
}

/** The first attempt of a live run has no archive before it, and spares the look. */
async function blocksOfBase(room: Room, run: Run | null, attempt: number): Promise<readonly Block[]> {
  if (room.stored || run === null || isTerminal(run.state) || (attempt === 1 && isUnderWay(run, attempt))) {
    return [];
  }
  return (await readTable(room.deps.blobs, archiveKey(room.workspaceId, room.runId))) ?? [];
}

/** What was noted when the room was opened again. */
export function notedBase(room: Room): readonly Block[] {
  const noted = readMeta(room, "base_blocks");
  if (noted !== null) {
    return parseTable(noted);
  }
  // As a version without blocks noted it.
  const bytes = Number(readMeta(room, "base_bytes") ?? 0);
  return bytes === 0 ? [] : [plainBlock(bytes)];
}

export function rawBytesOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
}

/** Not while it is queued: then its newest attempt is over, or has only been offered. */
function isUnderWay(run: Run, attempt: number): boolean {
  return run.attempt === attempt && run.state !== "queued" && !isTerminal(run.state);
}

function open(room: Room, run: Run | null, attempt: number, base: readonly Block[]): void {
  const mayReopen = run !== null && isUnderWay(run, attempt);
  if (room.stored) {
    if (mayReopen) {
      room.ctx.storage.transactionSync(() => {
        room.sql.exec("DELETE FROM meta WHERE key IN ('closed', 'close_at', 'archived_at')");
        writeMeta(room, "reopened_at", String(attempt));
      });
      room.closed = false;
      room.reopenedAt = attempt;
    }
    return;
  }
  // Without an archive this is the beginning of a live run's log; with one, only its newest attempt may follow.
  room.archived = run === null || isTerminal(run.state) || (base.length > 0 && !mayReopen);
  if (!room.archived && base.length > 0) {
    room.ctx.storage.transactionSync(() => {
      createTables(room.sql, `${room.workspaceId}:${room.runId}`);
      writeMeta(room, "base_blocks", tableText(base));
      writeMeta(room, "reopened_at", String(attempt));
    });
    room.stored = true;
    room.newest = undefined;
    room.baseBlocks = base;
    room.storedBytes = rawBytesOf(base);
    room.reopenedAt = attempt;
  }
}
