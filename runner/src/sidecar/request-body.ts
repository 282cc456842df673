/** Reads a request's body up to a limit, as strict JSON. */
import type { IncomingMessage } from "node:http";
import { AppError, type ErrorCode, type Json, parseStrictJson } from "@cronium/protocol";

/** Throws `AppError` with `tooLarge`, `unsupported_media_type`, `body_required`, `invalid_json` and its kin. */
export async function readJson(request: IncomingMessage, limit: number, tooLarge: ErrorCode): Promise<Json> {
  const type = request.headers["content-type"];
  if (type !== undefined && !/^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(type)) {
    throw new AppError("unsupported_media_type", "The body is not declared as application/json in UTF-8.");
  }
  const over = (): AppError => new AppError(tooLarge, `The body is larger than the limit of ${limit} bytes.`);
  if (Number(request.headers["content-length"] ?? 0) > limit) {
    throw over();
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      throw over();
    }
    chunks.push(chunk);
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
  return parseStrictJson(text);
}
