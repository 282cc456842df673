/**
 * The runner's side of a room: frames in, acknowledgements out.
 *
 * Every frame is one turn: viewers get the very bytes before anything is written, then the row is written, then the
 * acknowledgement is sent, which the output gate holds until the row is on disk. A viewer may so see bytes that a crash
 * of this object takes back; the runner then sends the same bytes again, at the same offset.
 */
import { createHash } from "node:crypto";
import {
  decodeLogFrame,
  LogClientMessage,
  MAX_FRAME_BYTES,
  MAX_LOG_CAP_BYTES,
  parseStrictJson,
  type ErrorCode,
  type LogBatch,
  type LogBatchAnswer,
  type LogServerMessage,
} from "@cronium/protocol";
import { judgeFrame, logStateOf, type LogPosition } from "../../domain/log-position.ts";
import { addToDigest, digestOf } from "./digest.ts";
import { appendFrame, endAttempt, readIdentity, readPosition, startAttempt } from "./frames.ts";
import { isClosed } from "./reopen.ts";
import {
  attachmentOf,
  closeSocket,
  newestOf,
  trySend,
  WRITER_TAG,
  type Peer,
  type Room,
  type WriterAttachment,
} from "./room.ts";
import { createTables } from "./schema.ts";
import { broadcastFrame, tellViewers } from "./viewers.ts";

/** Accepts the socket of an attempt and says where to go on; an older attempt, or a closed log, is refused. */
export function openWriter(room: Room, attempt: number, capBytes: number): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  room.ctx.acceptWebSocket(server, [WRITER_TAG]);
  server.serializeAttachment({ kind: "writer", attempt, capBytes } satisfies WriterAttachment);
  welcomeWriter(room, server, attempt);
  return new Response(null, { status: 101, webSocket: client });
}

/** Says where to go on, to the newest writer alone. */
function welcomeWriter(room: Room, writer: Peer, attempt: number): void {
  const position = positionOf(room, writer);
  if (position === null) {
    return;
  }
  for (const other of room.ctx.getWebSockets(WRITER_TAG)) {
    if (other !== writer) {
      closeSocket(other, 4409, "a newer log socket took over");
    }
  }
  tell(writer, { type: "resume", attempt, seq: position.nextSeq, offset: position.nextOffset });
}

/** A batch is a socket in small: opened, used and closed within one turn. */
export function onWriterBatch(
  room: Room,
  attempt: number,
  batch: LogBatch,
  capBytes?: number,
): { readonly answer: LogBatchAnswer; readonly ended: boolean } {
  const writer = new BatchWriter(attempt, capBytes);
  let ended = false;
  if (batch.frames.length === 0 && batch.end === null) {
    welcomeWriter(room, writer, attempt);
  }
  for (const frame of batch.frames) {
    if (writer.closed === null) {
      onWriterFrame(room, writer, new Uint8Array(Buffer.from(frame, "base64")).buffer);
    }
  }
  if (batch.end !== null && writer.closed === null) {
    ended = onWriterText(room, writer, JSON.stringify(batch.end));
  }
  return { answer: { messages: writer.messages, close: writer.closed }, ended };
}

/** Collects what a socket would have been told; of acknowledgements that follow one another the last says it all. */
class BatchWriter implements Peer {
  readonly messages: LogServerMessage[] = [];
  closed: LogBatchAnswer["close"] = null;
  readonly #attachment: WriterAttachment;

  constructor(attempt: number, capBytes: number | undefined) {
    this.#attachment = { kind: "writer", attempt, ...(capBytes === undefined ? {} : { capBytes }) };
  }

  deserializeAttachment(): WriterAttachment {
    return this.#attachment;
  }

  send(text: string | ArrayBuffer | ArrayBufferView): void {
    const message = JSON.parse(text as string) as LogServerMessage;
    if (message.type === "ack" && this.messages.at(-1)?.type === "ack") {
      this.messages.pop();
    }
    this.messages.push(message);
  }

  close(code = 1000, reason = ""): void {
    this.closed = { code, reason };
  }
}

export function onWriterFrame(room: Room, socket: Peer, data: ArrayBuffer): void {
  const position = positionOf(room, socket);
  if (position === null) {
    return;
  }
  const { attempt } = position;
  const decoded = decodeLogFrame(new Uint8Array(data));
  if (!decoded.ok) {
    tell(socket, { type: "error", code: "invalid_frame", message: decoded.message });
    closeSocket(socket, data.byteLength > MAX_FRAME_BYTES ? 1009 : 1007, "invalid_frame");
    return;
  }
  const { header, payload } = decoded.frame;
  if (header.attempt !== attempt) {
    refuse(socket, "stale_attempt", `This socket is for attempt ${attempt}, the frame for ${header.attempt}.`);
    return;
  }
  const problem = (code: ErrorCode, message: string): void => {
    tell(socket, { type: "error", code, message });
    // Where to go on from, so that the runner can rewind.
    tell(socket, { type: "ack", attempt, seq: position.nextSeq, offset: position.nextOffset });
  };
  if (createHash("sha256").update(payload).digest("hex") !== header.sha256) {
    problem("log_conflict", `The bytes of frame ${header.seq} do not match their SHA-256; send it again.`);
    return;
  }
  const stored = header.seq < position.nextSeq ? readIdentity(room.sql, attempt, header.seq) : null;
  const verdict = judgeFrame(position, header, stored);
  switch (verdict.kind) {
    case "append": {
      broadcastFrame(room, data);
      begin(room, attempt);
      const fits = appendFrame(room.sql, header, payload.length, data, room.storedBytes, capOf(socket));
      room.storedBytes += fits ? payload.length : 0;
      addToDigest(room, attempt, header.seq, payload);
      const next = { seq: header.seq + 1, offset: header.offset + payload.length };
      room.newest = {
        ...position,
        nextSeq: next.seq,
        nextOffset: next.offset,
        gaps: position.gaps + (header.gap === undefined ? 0 : 1),
        truncated: position.truncated || !fits,
      };
      tell(socket, { type: "ack", attempt, ...next });
      return;
    }
    case "duplicate":
      tell(socket, { type: "ack", attempt, seq: position.nextSeq, offset: position.nextOffset });
      return;
    case "refuse":
      problem(verdict.code, verdict.message);
      return;
    default:
      verdict satisfies never;
  }
}

/** True when the log of the attempt is whole and has just ended, or had ended before. */
export function onWriterText(room: Room, socket: Peer, text: string): boolean {
  const position = positionOf(room, socket);
  if (position === null) {
    return false;
  }
  const message = parseText(text);
  if (message === null || message.attempt !== position.attempt) {
    refuse(socket, "invalid_frame", "A text on a log socket is an end message of its own attempt.");
    return false;
  }
  const { attempt, nextSeq, nextOffset } = position;
  if (message.totalBytes !== nextOffset && !position.ended) {
    const code = message.totalBytes > nextOffset ? "log_gap" : "log_conflict";
    const text_ = `The end claims ${message.totalBytes} bytes, stored are ${nextOffset}.`;
    tell(socket, { type: "error", code, message: text_ });
    tell(socket, { type: "ack", attempt, seq: nextSeq, offset: nextOffset });
    return false;
  }
  if (!position.ended) {
    const kept = message.sha256 === undefined ? null : digestOf(room, position);
    const isOther = kept !== null && kept !== message.sha256;
    if (isOther) {
      const text_ = `The end claims bytes with the SHA-256 ${message.sha256}, stored are some with ${kept}.`;
      room.deps.log.error("log.digest_conflict", { runId: room.runId, attempt, claimed: message.sha256, kept });
      tell(socket, { type: "error", code: "log_conflict", message: text_ });
    }
    const told = isOther ? { ...message, gaps: message.gaps + 1 } : message;
    // Of a job that printed nothing no trace is kept, so that its room costs nothing.
    if (room.stored || told.gaps > 0 || message.truncated) {
      begin(room, attempt);
      endAttempt(room.sql, attempt, told);
    }
    const { gaps, truncated } = told;
    const ended = (room.stored ? readPosition(room.sql, attempt) : null) ?? {
      ...position,
      gaps,
      truncated,
      ended: true,
    };
    tellViewers(room, { type: "log_end", attempt, logState: logStateOf(ended) });
  }
  tell(socket, { type: "ended", attempt });
  return true;
}

function parseText(text: string): LogClientMessage | null {
  try {
    const parsed = LogClientMessage.safeParse(parseStrictJson(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function positionOf(room: Room, socket: Peer): LogPosition | null {
  const attachment = attachmentOf(socket);
  if (attachment?.kind !== "writer") {
    return null;
  }
  const { attempt } = attachment;
  if (isClosed(room)) {
    refuse(socket, "attempt_not_active", `The log of run ${room.runId} is closed.`);
    return null;
  }
  const newest = newestOf(room);
  const begun = Math.max(newest?.attempt ?? 0, room.reopenedAt);
  if (begun > attempt) {
    refuse(socket, "stale_attempt", `Attempt ${begun} has begun; the log of attempt ${attempt} is closed.`);
    return null;
  }
  return newest?.attempt === attempt ? newest : emptyLog(attempt);
}

/** Tables and the attempt's row, made with its first frame. */
function begin(room: Room, attempt: number): void {
  if (!room.stored) {
    createTables(room.sql, `${room.workspaceId}:${room.runId}`);
    room.stored = true;
  }
  if (room.newest?.attempt !== attempt) {
    startAttempt(room.sql, attempt);
  }
  // Should a write fail half-way, what is stored counts.
  room.newest = undefined;
}

function capOf(socket: Peer): number {
  const attachment = attachmentOf(socket);
  return (attachment?.kind === "writer" ? attachment.capBytes : undefined) ?? MAX_LOG_CAP_BYTES;
}

function emptyLog(attempt: number): LogPosition {
  return { attempt, nextSeq: 0, nextOffset: 0, ended: false, gaps: 0, truncated: false };
}

function refuse(socket: Peer, code: ErrorCode, message: string): void {
  tell(socket, { type: "error", code, message });
  closeSocket(socket, 1008, code);
}

function tell(socket: Peer, message: LogServerMessage): void {
  trySend(socket, JSON.stringify(message));
}
