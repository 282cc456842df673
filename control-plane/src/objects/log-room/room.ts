/** What every file of the log room works on. */
import type { Deps } from "../../deps.ts";
import type { RunningDigest } from "./digest.ts";
import type { LogPosition } from "../../domain/log-position.ts";
import type { Block } from "./archive-format.ts";
import { readNewest } from "./frames.ts";

export interface Room {
  readonly ctx: DurableObjectState;
  readonly sql: SqlStorage;
  readonly deps: Deps;
  readonly workspaceId: string;
  readonly runId: string;
  /** Whether the log lies in this object's tables; false before the first frame and after the archive took over. */
  stored: boolean;
  /** Whether the run has ended and its log, if any, is in the archive: nothing can be written any more. */
  archived: boolean;
  /** Where the newest attempt's log stands, as it was last written; undefined until it is read again. */
  newest: LogPosition | null | undefined;
  /** Of the attempt that is printing: the hash over its payloads up to frame `nextSeq`; null until its first frame. */
  digest: RunningDigest | null;
  /** Whether no frame is taken any more. */
  closed: boolean;
  /** Bytes of the log that is kept: payloads in the tables, and the archived part before them. */
  storedBytes: number;
  /**
   * Of a run that went on after its log had been archived: the blocks of the blob that come before what the tables hold.
   * Empty for every other run.
   */
  baseBlocks: readonly Block[];
  /** The attempt with which the log was opened again; those before it are closed for good. 0 if it never was. */
  reopenedAt: number;
  /** Newest state of the run that viewers were told of. */
  toldRev: number;
  archiving: boolean;
  /** While the tables are being dropped. */
  forgetting: Promise<void> | null;
  /** Answers that are still reading from the tables. */
  readers: number;
  /** When the alarm is set for; null when unknown or none. */
  alarmAt: number | null;
}

export const VIEWER_TAG = "viewer";
export const WRITER_TAG = "writer";

export interface ViewerAttachment {
  readonly kind: "viewer";
  /** Row of the newest frame that was sent. Counts until the viewer is live; from then on it gets every frame. */
  readonly after: number;
  readonly live: boolean;
  /** It is still being sent the archived part of the log. */
  readonly inArchive?: boolean;
}
export interface WriterAttachment {
  readonly kind: "writer";
  readonly attempt: number;
  /** The most that the attempt may print; absent on a socket that an earlier version accepted. */
  readonly capBytes?: number;
}
export type RoomAttachment = ViewerAttachment | WriterAttachment;

/** What is needed of the other end of a writer or viewer. */
export type Peer = Pick<WebSocket, "send" | "close" | "deserializeAttachment">;

export function attachmentOf(socket: Peer): RoomAttachment | null {
  return socket.deserializeAttachment() as RoomAttachment | null;
}

export function trySend(socket: Peer, data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void {
  try {
    socket.send(data);
  } catch {
    // It closed meanwhile; webSocketClose deals with that.
  }
}

export function closeSocket(socket: Peer, code: number, reason: string): void {
  const sendable = code === 1005 || code === 1006 || code === 1015 ? 1000 : code;
  try {
    socket.close(sendable, reason.slice(0, 120));
  } catch {
    // Closed already.
  }
}

/** Of the newest attempt that has a log; null while none has. Each frame asks. */
export function newestOf(room: Room): LogPosition | null {
  if (room.newest === undefined) {
    room.newest = room.stored ? readNewest(room.sql) : null;
  }
  return room.newest;
}

export function readMeta(room: Room, key: string): string | null {
  const row = room.sql.exec("SELECT value FROM meta WHERE key = ?", key).toArray()[0];
  return row === undefined ? null : (row["value"] as string);
}

export function writeMeta(room: Room, key: string, value: string): void {
  room.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value);
}

/** Makes the alarm fire at `at` or earlier; set un-awaited, in the turn of the write it belongs to. */
export function arm(room: Room, at: number): void {
  if (Number.isFinite(at) && (room.alarmAt === null || at < room.alarmAt)) {
    room.alarmAt = at;
    void room.ctx.storage.setAlarm(at);
  }
}
