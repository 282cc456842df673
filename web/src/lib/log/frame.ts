/**
 * Reads log frames in the browser: the form of `@cronium/protocol/log-frame`, checked by hand so that the page loads
 * no schema library. Types come from there.
 */
import type { LogFrame, LogHeader, LogStream } from "@cronium/protocol/log-frame";

const MAX_HEADER_BYTES = 1_024;
const STREAMS: ReadonlySet<string> = new Set<LogStream>(["stdout", "stderr", "system"]);

const decoder = new TextDecoder();

/** One frame; null when the bytes are not one. The payload is a view, not a copy. */
export function readFrame(buffer: ArrayBuffer): LogFrame | null {
  if (buffer.byteLength < 4) {
    return null;
  }
  const length = new DataView(buffer).getUint32(0);
  if (length > MAX_HEADER_BYTES || 4 + length > buffer.byteLength) {
    return null;
  }
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length)));
  } catch {
    return null;
  }
  return isHeader(header) ? { header, payload: new Uint8Array(buffer, 4 + length) } : null;
}

function isHeader(value: unknown): value is LogHeader {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const header = value as Record<string, unknown>;
  const gap = header["gap"] as Record<string, unknown> | undefined;
  return (
    isCount(header["attempt"]) &&
    isCount(header["seq"]) &&
    isCount(header["offset"]) &&
    typeof header["at"] === "number" &&
    typeof header["stream"] === "string" &&
    STREAMS.has(header["stream"]) &&
    (gap === undefined || (typeof gap === "object" && gap !== null && isCount(gap["bytes"])))
  );
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
