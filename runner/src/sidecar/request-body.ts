/** Reads a request's body up to a limit, as strict JSON. */
import type { IncomingMessage } from "node:http";
import { AppError, type ErrorCode, type Json, parseStrictJson } from "@cronium/protocol";

/**
 * A body that is too large is read on up to here and thrown away: a client that is cut off while it still sends gets a
 * broken connection and never reads the answer that says why.
 */
const READ_ON_BYTES = 16_777_216;

/** None by default: what is read travels on as a text of its own. */
const AROUND = 0;
/** A body that comes drop by drop is not waited for. */
const BODY_WITHIN_MS = 30_000;

/** Reads what is left of a body that nobody wants, so that the answer reaches its sender. */
export async function discardBody(request: IncomingMessage): Promise<void> {
  let size = 0;
  try {
    // To stop reading must not destroy the connection: the answer goes over it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > READ_ON_BYTES) {
        return;
      }
    }
  } catch {
    // It broke off by itself.
  }
}

/** `around`: levels of nesting that it will have around it where it is read next. Throws `AppError` with `tooLarge`, `unsupported_media_type`, `body_required`, `invalid_json` and its kin. */
export async function readJson(
  request: IncomingMessage,
  limit: number,
  tooLarge: ErrorCode,
  around = AROUND,
): Promise<Json> {
  const type = request.headers["content-type"];
  if (type !== undefined && !/^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(type)) {
    throw new AppError("unsupported_media_type", "The body is not declared as application/json in UTF-8.");
  }
  const chunks: Buffer[] = [];
  let size = 0;
  const late = setTimeout(() => request.destroy(), BODY_WITHIN_MS);
  request.once("close", () => clearTimeout(late));
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
    } else {
      chunks.length = 0;
    }
    if (size > READ_ON_BYTES) {
      break;
    }
  }
  clearTimeout(late);
  if (size > limit) {
    throw new AppError(tooLarge, `The body is larger than the limit of ${limit} bytes.`);
  }
  if (size === 0) {
    throw new AppError("body_required", "The body is empty.");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new AppError("invalid_json", "The body is not UTF-8.", { cause: error });
  }
  return parseStrictJson(text, around);
}
