/**
 * What arrived moves from the object's storage into the blob store, many deliveries in one blob, and is forgotten once the
 * workspace keeps it no longer. A crash between the blob and the commit writes another blob of the same name later: rows point to bytes
 * only once those are there.
 */
import { deliveryBlobKey } from "../../domain/blob-keys.ts";
import { arm } from "./alarm-clock.ts";
import { readSettings } from "./settings.ts";
import type { Shell, Turn } from "./shell.ts";
import { inTurn } from "./turns.ts";

const DAY_MS = 86_400_000;
/** Until then it stays with the row: what just arrived is what people look at. */
export const ARCHIVE_AFTER_MS = 60_000;
const MOST = 200;
const MOST_BYTES = 4_194_304;
const FORGET = 500;

/** Times at which the next archiving may begin, by object; a failed one waits. */
const waits = new WeakMap<Shell, { busy: boolean; dueAt: number }>();

function waitOf(shell: Shell): { busy: boolean; dueAt: number } {
  const wait = waits.get(shell) ?? { busy: false, dueAt: 0 };
  waits.set(shell, wait);
  return wait;
}

/** Infinite while nothing waits. */
export function archiveDueAt(shell: Shell): number {
  const row = shell.sql
    .exec("SELECT at FROM deliveries INDEXED BY deliveries_packed WHERE packed IS NOT NULL ORDER BY n LIMIT 1")
    .toArray()[0];
  return row === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max((row["at"] as number) + ARCHIVE_AFTER_MS, waitOf(shell).dueAt);
}

/** Never throws: what could not be written is tried again a minute later. */
export async function archiveDeliveries(shell: Shell): Promise<void> {
  const wait = waitOf(shell);
  const { clock, log, blobs } = shell.deps;
  if (wait.busy || archiveDueAt(shell) > clock.now()) {
    return;
  }
  wait.busy = true;
  try {
    const chosen = choose(shell, clock.now() - ARCHIVE_AFTER_MS);
    const [first] = chosen;
    if (first === undefined) {
      return;
    }
    const key = deliveryBlobKey(shell.workspaceId, first.id);
    await blobs.put(key, joined(chosen.map(({ packed }) => packed)));
    inTurn(shell, (turn) => {
      let offset = 0;
      for (const { id, packed } of chosen) {
        shell.sql.exec(
          "UPDATE deliveries SET packed = NULL, blob = ?2, offset = ?3, bytes = ?4 WHERE id = ?1 AND packed IS NOT NULL",
          id,
          key,
          offset,
          packed.length,
        );
        offset += packed.length;
      }
      shell.sql.exec("INSERT OR REPLACE INTO delivery_blobs (key, until) VALUES (?, ?)", key, turn.now + keepMs(shell));
    });
    wait.dueAt = clock.now() + 100;
  } catch (error) {
    wait.dueAt = clock.now() + ARCHIVE_AFTER_MS;
    log.warn("delivery.not_archived", { workspaceId: shell.workspaceId, error: String(error) });
  } finally {
    wait.busy = false;
    arm(shell, archiveDueAt(shell));
  }
}

function choose(shell: Shell, before: number): { readonly id: string; readonly packed: Uint8Array }[] {
  const found: { readonly id: string; readonly packed: Uint8Array }[] = [];
  let bytes = 0;
  const rows = shell.sql.exec(
    "SELECT id, packed FROM deliveries INDEXED BY deliveries_packed WHERE packed IS NOT NULL AND at <= ? ORDER BY n LIMIT ?",
    before,
    MOST,
  );
  for (const row of rows) {
    const packed = new Uint8Array(row["packed"] as ArrayBuffer);
    bytes += packed.length;
    if (found.length > 0 && bytes > MOST_BYTES) {
      break;
    }
    found.push({ id: row["id"] as string, packed });
  }
  return found;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function keepMs(shell: Shell): number {
  return readSettings(shell.sql).deliveryRetentionDays * DAY_MS;
}

/** Infinite where nothing is kept. */
export function forgetDueAt(shell: Shell): number {
  const oldest = shell.sql.exec("SELECT min(at) AS at FROM deliveries INDEXED BY deliveries_at").one()["at"];
  return oldest === null ? Number.POSITIVE_INFINITY : (oldest as number) + keepMs(shell);
}

/** Whether there may be more. */
export function forgetDeliveries(shell: Shell, turn: Turn): boolean {
  const gone = shell.sql
    .exec(
      `DELETE FROM deliveries WHERE n IN (
         SELECT n FROM deliveries INDEXED BY deliveries_at WHERE at <= ? LIMIT ?) RETURNING 1`,
      turn.now - keepMs(shell),
      FORGET,
    )
    .toArray().length;
  void forgetBlobs(shell, turn.now);
  return gone === FORGET;
}

async function forgetBlobs(shell: Shell, now: number): Promise<void> {
  for (const key of blobKeys(shell, now)) {
    try {
      await shell.deps.blobs.delete(key);
      shell.sql.exec("DELETE FROM delivery_blobs WHERE key = ?", key);
    } catch (error) {
      shell.deps.log.warn("delivery.blob_not_deleted", { workspaceId: shell.workspaceId, error: String(error) });
      return;
    }
  }
}

function blobKeys(shell: Shell, until: number): string[] {
  return shell.sql
    .exec("SELECT key FROM delivery_blobs WHERE until <= ? LIMIT 100", until)
    .toArray()
    .map((row) => row["key"] as string);
}

/** Everything, for the deletion of the workspace. */
export async function deleteDeliveryBlobs(shell: Shell): Promise<void> {
  for (;;) {
    const keys = blobKeys(shell, Number.MAX_SAFE_INTEGER);
    if (keys.length === 0) {
      return;
    }
    for (const key of keys) {
      await shell.deps.blobs.delete(key);
      shell.sql.exec("DELETE FROM delivery_blobs WHERE key = ?", key);
    }
  }
}
