import { createHash } from "node:crypto";

/** SHA-256 of a whole token, as 64 hex digits: the only form in which tokens are stored. Tokens hold 256 random bits, so
 * a plain hash suffices. */
export async function hashToken(token: string): Promise<string> {
  // At once: the asynchronous digest would cost each request a round through the event loop.
  return createHash("sha256").update(token).digest("hex");
}
