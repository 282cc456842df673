/**
 * Reads a request body once, strictly, before any schema sees it: size, content type, encoding, JSON.
 *
 * Hono's validators parse the text again with JSON.parse, which then cannot differ from what was checked here:
 * duplicate and forbidden keys, depth, and numbers that lose digits are refused already.
 */
import { AppError, echo } from "@cronium/protocol/errors";
import { parseStrictJson } from "@cronium/protocol/json";
import { MAX_BODY_BYTES } from "@cronium/protocol/limits";
import type { Context } from "hono";
import type { AppEnv } from "../context.ts";

const NONE = new Uint8Array(0);
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

export async function readBody(c: Context<AppEnv>, options: { readonly forms?: boolean } = {}): Promise<void> {
  if (c.req.method === "GET" || c.req.method === "HEAD" || c.req.raw.body === null) {
    c.set("bodyBytes", NONE);
    return;
  }
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new AppError("unsupported_media_type", `The body is sent with content-encoding ${encoding}; send it plain.`);
  }
  const bytes = await readLimited(c.req.raw.body, Number(c.req.header("content-length") ?? "0"));
  c.set("bodyBytes", bytes);
  if (bytes.byteLength === 0) {
    keepText(c, "");
    return;
  }
  const contentType = c.req.header("content-type") ?? "none";
  const isForm = options.forms === true && FORM_TYPE.test(contentType);
  if (!isForm && !/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(contentType)) {
    throw new AppError(
      "unsupported_media_type",
      `The body has the content type ${JSON.stringify(contentType.slice(0, 80))}; it must be application/json in UTF-8.`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("invalid_json", "The body is not valid UTF-8.", { cause });
  }
  if (isForm) {
    keepText(c, formAsJson(text));
    return;
  }
  parseStrictJson(text);
  keepText(c, text);
}

/** The bytes of a body that is no business of a JSON reader. Throws `body_too_large`, and 415 for an encoding. */
export async function readRaw(c: Context<AppEnv>, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const { body } = c.req.raw;
  if (body === null) {
    return NONE;
  }
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new AppError("unsupported_media_type", `The body is sent with content-encoding ${encoding}; send it plain.`);
  }
  return readLimited(body, Number(c.req.header("content-length") ?? "0"), most);
}

/** Fields are texts, and each may be there once, as RFC 6749 asks. */
function formAsJson(form: string): string {
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(form)) {
    if (Object.hasOwn(found, name)) {
      throw new AppError("duplicate_key", `The field ${echo(name)} appears twice.`);
    }
    found[name] = value;
  }
  const text = JSON.stringify(found);
  parseStrictJson(text);
  return text;
}

/** The stream is used up: whatever reads the body later finds it here. */
function keepText(c: Context<AppEnv>, text: string): void {
  // Hono types the cache as resolved values and awaits them as promises.
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
}

function tooLarge(most: number): AppError {
  return new AppError("body_too_large", `The body is larger than the limit of ${most} bytes.`);
}

async function readLimited(
  body: ReadableStream<Uint8Array>,
  announced: number,
  most = MAX_BODY_BYTES,
): Promise<Uint8Array<ArrayBuffer>> {
  if (announced > most) {
    // An answer without reading may cut the connection before the client has read it; workerd drains what is small.
    await body.cancel();
    throw tooLarge(most);
  }
  if (announced > 0) {
    // What comes is no longer than what was announced, and in one piece it needs one wait.
    return new Uint8Array(await new Response(body).arrayBuffer());
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > most) {
      throw tooLarge(most);
    }
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
