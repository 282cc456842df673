/**
 * Viewers: first what is stored, then what comes, without a seam.
 *
 * A viewer is behind until it has been sent every stored row; only then does it get live frames. Both happen in
 * synchronous steps: the step that finds no further row marks the viewer live, so no frame can slip between. Example:
 * rows 1 to 40 are stored, the viewer has been sent 1 to 32 and pauses; row 41 arrives and is stored, the viewer is
 * not live and gets nothing; the next step sends 33 to 41, the one after finds no further row and marks it live.
 */
import type { Run, RunLiveMessage } from "@cronium/protocol";
import { isTerminal } from "@cronium/protocol/run-states";
import { logStateOf } from "../../domain/log-position.ts";
import { archiveKey, blockAt, framesOf } from "./archive.ts";
import { readTable } from "./archive-format.ts";
import { readFrames, rowBefore } from "./frames.ts";
import { attachmentOf, closeSocket, newestOf, trySend, VIEWER_TAG, type Room, type ViewerAttachment } from "./room.ts";

/**
 * The runtime does not say how much a socket has still to send, so stored frames are paced instead: the last megabytes
 * that a page shows come at once, a log of hundreds of megabytes at 10 MB/s, so that a slow viewer cannot fill the
 * object's memory within moments.
 */
const STEP_BYTES = 262_144;
const FAST_BYTES = 16_777_216;
const FAST_PAUSE_MS = 1;
const SLOW_PAUSE_MS = 25;

export interface Cursor {
  readonly attempt: number;
  readonly offset: number;
}

export function openViewer(room: Room, run: Run, cursor: Cursor): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  room.ctx.acceptWebSocket(server, [VIEWER_TAG]);
  const inArchive = !room.stored || (room.baseBlocks.length > 0 && cursor.attempt < room.reopenedAt);
  const after = room.stored ? rowBefore(room.sql, cursor.attempt, cursor.offset) : 0;
  mark(server, { kind: "viewer", after, live: false, inArchive });
  room.toldRev = Math.max(room.toldRev, run.rev);
  tell(server, { type: "run", run });
  if (inArchive) {
    void replayArchive(room, server, run, cursor);
  } else {
    void catchUp(room, server, cursor);
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
      if (room.stored && attachment.inArchive !== true) {
        void catchUp(room, socket, START);
      } else {
        closeSocket(socket, 1012, "reconnect with your cursor");
      }
    }
  }
}

const START: Cursor = { attempt: 1, offset: 0 };

/** `from`: where the viewer is if the tables hold nothing. */
async function catchUp(room: Room, socket: WebSocket, from: Cursor): Promise<void> {
  room.readers += 1;
  try {
    let sent = 0;
    for (let step = sendStep(room, socket, from); step > 0; step = sendStep(room, socket, from)) {
      sent += step;
      await pause(sent);
    }
  } finally {
    room.readers -= 1;
  }
}

/** Bytes sent; 0 when there is nothing left to send. */
function sendStep(room: Room, socket: WebSocket, from: Cursor): number {
  const attachment = attachmentOf(socket);
  if (attachment?.kind !== "viewer" || socket.readyState !== WebSocket.OPEN) {
    return 0;
  }
  const frames = readFrames(room.sql, attachment.after, STEP_BYTES);
  const last = frames.at(-1);
  if (last === undefined) {
    becomeLive(room, socket, from);
    return 0;
  }
  let sent = 0;
  for (const frame of frames) {
    trySend(socket, frame.bytes);
    sent += frame.bytes.byteLength;
  }
  mark(socket, { ...attachment, after: last.n });
  return sent;
}

function becomeLive(room: Room, socket: WebSocket, from: Cursor): void {
  mark(socket, { kind: "viewer", after: 0, live: true });
  const newest = newestOf(room);
  tell(socket, {
    type: "caught_up",
    cursor: `${newest?.attempt ?? from.attempt}:${newest?.nextOffset ?? from.offset}`,
  });
  if (newest?.ended === true) {
    tell(socket, { type: "log_end", attempt: newest.attempt, logState: logStateOf(newest) });
  }
}

async function replayArchive(room: Room, socket: WebSocket, run: Run, cursor: Cursor): Promise<void> {
  try {
    const { blobs } = room.deps;
    const key = archiveKey(room.workspaceId, room.runId);
    const blocks = room.stored ? room.baseBlocks : await readTable(blobs, key);
    if (blocks === null || blocks.length === 0) {
      // Nothing was printed yet, or never will be.
      if (room.stored) {
        await goOn(room, socket, cursor, START);
        return;
      }
      becomeLive(room, socket, START);
      if (isTerminal(run.state)) {
        tell(socket, { type: "log_end", attempt: Math.max(1, run.attempt), logState: run.logState });
      }
      return;
    }
    let at = START;
    let sent = 0;
    let sentAtPause = 0;
    for await (const { header, payload, bytes } of framesOf(blobs, key, blocks, blockAt(blocks, cursor))) {
      const end = header.offset + payload.length;
      at = { attempt: header.attempt, offset: end };
      const seen =
        header.attempt < cursor.attempt ||
        (header.attempt === cursor.attempt && end <= cursor.offset && header.offset < cursor.offset);
      if (!seen) {
        trySend(socket, bytes);
        sent += bytes.byteLength;
      }
      if (sent - sentAtPause >= STEP_BYTES) {
        sentAtPause = sent;
        await pause(sent);
      }
      if (socket.readyState !== WebSocket.OPEN) {
        return;
      }
    }
    if (room.stored) {
      // The run has been requeued: behind the archive comes what its next attempts print.
      await goOn(room, socket, cursor, at);
      return;
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

/** From the archive, of which `at` is the end, to the tables. */
async function goOn(room: Room, socket: WebSocket, cursor: Cursor, at: Cursor): Promise<void> {
  mark(socket, { kind: "viewer", after: rowBefore(room.sql, cursor.attempt, cursor.offset), live: false });
  await catchUp(room, socket, at);
}

/** Between steps of `STEP_BYTES`; other events get their turn meanwhile. */
async function pause(sentBytes: number): Promise<void> {
  await scheduler.wait(sentBytes < FAST_BYTES ? FAST_PAUSE_MS : SLOW_PAUSE_MS);
}

function mark(socket: WebSocket, attachment: ViewerAttachment): void {
  socket.serializeAttachment(attachment);
}

function tell(socket: WebSocket, message: RunLiveMessage): void {
  trySend(socket, JSON.stringify(message));
}
