/**
 * Viewers: first what is stored, then what comes, without a seam.
 *
 * A viewer is behind until it has been sent every stored row; only then does it get live frames. Both happen in
 * synchronous steps: the step that finds no further row marks the viewer live, so no frame can slip between. Example:
 * rows 1 to 40 are stored, the viewer has been sent 1 to 32 and its socket is full; row 41 arrives and is stored, the
 * viewer is not live and gets nothing; when its socket has drained the next step sends 33 to 41 and marks it live.
 */
import type { Run, RunLiveMessage } from "@cronium/protocol";
import { logStateOf } from "../../domain/log-position.ts";
import { archiveKey, framesOf } from "./archive.ts";
import { readFrames, readNewest, rowBefore } from "./frames.ts";
import { attachmentOf, closeSocket, trySend, VIEWER_TAG, type Room, type ViewerAttachment } from "./room.ts";

const STEP_BYTES = 262_144;
/** Bytes queued on a socket above which the next step waits: a slow viewer must not fill the object's memory. */
const MAX_QUEUED_BYTES = 1_048_576;
const WAIT_MS = 20;

export interface Cursor {
  readonly attempt: number;
  readonly offset: number;
}

export function openViewer(room: Room, run: Run, cursor: Cursor): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  room.ctx.acceptWebSocket(server, [VIEWER_TAG]);
  const after = room.stored ? rowBefore(room.sql, cursor.attempt, cursor.offset) : 0;
  mark(server, { kind: "viewer", after, live: false });
  room.toldRev = Math.max(room.toldRev, run.rev);
  tell(server, { type: "run", run });
  if (room.stored) {
    void catchUp(room, server);
  } else {
    void replayArchive(room, server, run, cursor);
  }
  return new Response(null, { status: 101, webSocket: client });
}

/** Hands a new frame to every viewer that has caught up. */
export function broadcastFrame(room: Room, bytes: ArrayBuffer): void {
  for (const socket of room.ctx.getWebSockets(VIEWER_TAG)) {
    const attachment = attachmentOf(socket);
    if (attachment?.kind === "viewer" && attachment.live) {
      trySend(socket, bytes);
    }
  }
}

/** Viewers that are still behind learn the end of the log when they have caught up. */
export function tellViewers(room: Room, message: RunLiveMessage): void {
  const text = JSON.stringify(message);
  for (const socket of room.ctx.getWebSockets(VIEWER_TAG)) {
    const attachment = attachmentOf(socket);
    if (attachment?.kind === "viewer" && (attachment.live || message.type === "run")) {
      trySend(socket, text);
    }
  }
}

export function hasViewers(room: Room): boolean {
  return room.ctx.getWebSockets(VIEWER_TAG).length > 0;
}

/** Viewers that were behind when this object was last put to sleep go on where they were. */
export function resumeViewers(room: Room): void {
  for (const socket of room.ctx.getWebSockets(VIEWER_TAG)) {
    const attachment = attachmentOf(socket);
    if (attachment?.kind === "viewer" && !attachment.live) {
      if (room.stored) {
        void catchUp(room, socket);
      } else {
        closeSocket(socket, 1012, "reconnect with your cursor");
      }
    }
  }
}

async function catchUp(room: Room, socket: WebSocket): Promise<void> {
  room.readers += 1;
  try {
    while (sendStep(room, socket)) {
      await drained(socket);
    }
  } finally {
    room.readers -= 1;
  }
}

/** True when there may be more. */
function sendStep(room: Room, socket: WebSocket): boolean {
  const attachment = attachmentOf(socket);
  if (attachment?.kind !== "viewer" || socket.readyState !== WebSocket.OPEN) {
    return false;
  }
  const frames = readFrames(room.sql, attachment.after, STEP_BYTES);
  const last = frames.at(-1);
  if (last === undefined) {
    becomeLive(room, socket);
    return false;
  }
  for (const frame of frames) {
    trySend(socket, frame.bytes);
  }
  mark(socket, { ...attachment, after: last.n });
  return true;
}

function becomeLive(room: Room, socket: WebSocket): void {
  mark(socket, { kind: "viewer", after: 0, live: true });
  const newest = room.stored ? readNewest(room.sql) : null;
  tell(socket, { type: "caught_up", cursor: `${newest?.attempt ?? 1}:${newest?.nextOffset ?? 0}` });
  if (newest?.ended === true) {
    tell(socket, { type: "log_end", attempt: newest.attempt, logState: logStateOf(newest) });
  }
}

async function replayArchive(room: Room, socket: WebSocket, run: Run, cursor: Cursor): Promise<void> {
  try {
    const body = await room.deps.blobs.get(archiveKey(room.workspaceId, room.runId));
    if (body === null) {
      // Nothing was printed yet, or never will be.
      if (room.stored) {
        await catchUp(room, socket);
      } else {
        becomeLive(room, socket);
      }
      return;
    }
    let at: Cursor = { attempt: 1, offset: 0 };
    for await (const { header, payload, bytes } of framesOf(body)) {
      const end = header.offset + payload.length;
      at = { attempt: header.attempt, offset: end };
      const seen =
        header.attempt < cursor.attempt ||
        (header.attempt === cursor.attempt && end <= cursor.offset && header.offset < cursor.offset);
      if (!seen) {
        trySend(socket, bytes);
        await drained(socket);
      }
      if (socket.readyState !== WebSocket.OPEN) {
        return;
      }
    }
    mark(socket, { kind: "viewer", after: 0, live: true });
    tell(socket, { type: "caught_up", cursor: `${at.attempt}:${at.offset}` });
    tell(socket, { type: "log_end", attempt: at.attempt, logState: run.logState });
  } catch (error) {
    room.deps.log.error("log.replay_failed", { runId: room.runId, error: String(error) });
    tell(socket, { type: "error", code: "internal", message: "The stored log could not be read; connect again." });
    closeSocket(socket, 1011, "internal");
  }
}

async function drained(socket: WebSocket): Promise<void> {
  while (socket.readyState === WebSocket.OPEN && queuedBytes(socket) > MAX_QUEUED_BYTES) {
    await scheduler.wait(WAIT_MS);
  }
}

/** Newer runtimes count what a socket has not sent yet; without that a pause between steps has to do. */
function queuedBytes(socket: WebSocket): number {
  const { bufferedAmount } = socket as { readonly bufferedAmount?: number };
  return bufferedAmount ?? 0;
}

function mark(socket: WebSocket, attachment: ViewerAttachment): void {
  socket.serializeAttachment(attachment);
}

function tell(socket: WebSocket, message: RunLiveMessage): void {
  trySend(socket, JSON.stringify(message));
}
