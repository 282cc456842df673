/**
 * Log frames: how output travels from a runner to the log room of its run, on to every viewer, and into the archive.
 * One binary form for all three, so that a room hands the runner's bytes on without taking them apart.
 *
 *     u32 big-endian: length of the header · header: JSON in UTF-8 · payload: the bytes the job printed
 *
 * Who sends: the runner, one WebSocket per attempt, or `LogBatch` requests where none gets through. Frames of one attempt are numbered from `seq` 0 without holes, and
 * `offset` counts the payload bytes of that attempt over all streams, so one cursor `(attempt, offset)` orders the whole
 * log and resumes it. Order between stdout and stderr is the order of arrival at the runner; order inside one stream is
 * exact. Frames are cut at any byte: readers keep a line carry per stream.
 *
 * May repeat: any frame not yet acknowledged, with the same bytes. The room keeps the first bytes at an offset; the same
 * offset with other bytes is a `log_conflict`, an offset beyond the end a `log_gap`; neither harms the run. Bytes that a
 * runner had to drop are declared by a frame with `gap` and no payload, never left out silently.
 */
import * as z from "zod";
import { parseStrictJson } from "./json.ts";
import { MAX_LOG_FRAME_BYTES } from "./limits.ts";

/** `system` carries Cronium's own remarks, such as a gap or a retry. */
export const logStreams = ["stdout", "stderr", "system"] as const;
export type LogStream = (typeof logStreams)[number];

export const LogHeader = z.strictObject({
  attempt: z.int().min(1),
  seq: z.int().min(0),
  offset: z.int().min(0),
  stream: z.enum(logStreams),
  /** When its first byte reached the runner, in milliseconds since 1970 by the runner's clock. */
  at: z.int(),
  /** Lower-case hex SHA-256 of the payload. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Bytes dropped here and why; the payload is then empty. */
  gap: z
    .strictObject({ bytes: z.int().min(1), reason: z.enum(["spool_full", "log_quota", "runner_lost", "disk_full"]) })
    .optional(),
});
export type LogHeader = z.infer<typeof LogHeader>;

export interface LogFrame {
  readonly header: LogHeader;
  readonly payload: Uint8Array;
}

const MAX_HEADER_BYTES = 1_024;

export function encodeLogFrame(frame: LogFrame): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(JSON.stringify(frame.header));
  const bytes = new Uint8Array(4 + header.length + frame.payload.length);
  new DataView(bytes.buffer).setUint32(0, header.length);
  bytes.set(header, 4);
  bytes.set(frame.payload, 4 + header.length);
  return bytes;
}

export type DecodedLogFrame =
  | { readonly ok: true; readonly frame: LogFrame }
  | { readonly ok: false; readonly message: string };

/** Reads one frame that came from outside; a message says what is wrong with it. The payload is a view, not a copy. */
export function decodeLogFrame(bytes: Uint8Array): DecodedLogFrame {
  if (bytes.length < 4) {
    return { ok: false, message: `a log frame has at least 4 bytes, this one ${bytes.length}` };
  }
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (headerLength > MAX_HEADER_BYTES || 4 + headerLength > bytes.length) {
    return { ok: false, message: `the header claims ${headerLength} bytes` };
  }
  const payload = bytes.subarray(4 + headerLength);
  if (payload.length > MAX_LOG_FRAME_BYTES) {
    return { ok: false, message: `the payload has ${payload.length} bytes; the limit is ${MAX_LOG_FRAME_BYTES}` };
  }
  let json: unknown;
  try {
    json = parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(4, 4 + headerLength)));
  } catch {
    return { ok: false, message: "the header is not one JSON object in UTF-8 that names each key once" };
  }
  const header = LogHeader.safeParse(json);
  if (!header.success) {
    return { ok: false, message: z.prettifyError(header.error) };
  }
  if (header.data.gap !== undefined && payload.length > 0) {
    return { ok: false, message: "a gap carries no payload" };
  }
  return { ok: true, frame: { header: header.data, payload } };
}

/**
 * Text frames from the runner on a log socket. `end` is sent once, after the last frame; it may repeat. Where it says the
 * SHA-256 of the whole attempt, the room compares: bytes that differ are a `log_conflict`, and the log is incomplete.
 */
export const LogClientMessage = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("end"),
    attempt: z.int().min(1),
    /** Payload bytes of the attempt, all frames together. */
    totalBytes: z.int().min(0),
    gaps: z.int().min(0),
    truncated: z.boolean(),
    /**
     * Lower-case hex SHA-256 of the payloads of all frames, one after the other. Absent from a runner that does not know:
     * one that went on after a restart, or to a control plane before `DIGEST_SINCE`.
     */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
]);
export type LogClientMessage = z.infer<typeof LogClientMessage>;

/** Text frames to the runner on a log socket. */
export const LogServerMessage = z.discriminatedUnion("type", [
  /** First message: where to go on. Everything before (`seq`, `offset`) of this attempt is durable. */
  z.strictObject({ type: z.literal("resume"), attempt: z.int(), seq: z.int(), offset: z.int() }),
  /** All frames below `seq` (bytes below `offset`) are durable and may leave the spool. */
  z.strictObject({ type: z.literal("ack"), attempt: z.int(), seq: z.int(), offset: z.int() }),
  z.strictObject({ type: z.literal("ended"), attempt: z.int() }),
  z.strictObject({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type LogServerMessage = z.infer<typeof LogServerMessage>;

/**
 * Log frames in a request, `POST /api/v1/runner/logs/{runId}`, for networks that let no WebSocket through: each request
 * stands for a socket that was opened, said this and was closed. One without frames and end asks where to go on.
 */
export const LogBatch = z.strictObject({
  /** Log frames in base64, in order. */
  frames: z.array(z.base64()).max(1_000),
  end: LogClientMessage.nullable(),
});
export type LogBatch = z.infer<typeof LogBatch>;

export const LogBatchAnswer = z
  .strictObject({
    /** What a socket would have said: `resume` to an empty batch, else acknowledgements. */
    messages: z.array(LogServerMessage),
    /** The room takes nothing more from this writer as it is. */
    close: z.strictObject({ code: z.int(), reason: z.string() }).nullable(),
  })
  .meta({ id: "LogBatchAnswer" });
export type LogBatchAnswer = z.infer<typeof LogBatchAnswer>;
