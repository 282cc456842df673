/** Idempotency-Key: what makes a repeated creating request the same request. */
import { createHash } from "node:crypto";
import { AppError } from "@cronium/protocol/errors";
import { actorId, type Actor } from "../domain/actor.ts";

export interface Cause {
  /** The key with its caller; null when the request has none. */
  readonly key: string | null;
  /** SHA-256 over what is asked for and with which body, hex. */
  readonly bodyHash: string;
}

/** Throws `invalid_idempotency_key`. `operation` tells requests with equal bodies apart, such as the event's id. */
export function causeOf(actor: Actor, header: string | undefined, operation: string, body: Uint8Array): Cause {
  if (header === undefined) {
    return { key: null, bodyHash: "" };
  }
  if (!/^[\x20-\x7e]{1,255}$/.test(header)) {
    throw new AppError(
      "invalid_idempotency_key",
      `The Idempotency-Key has ${header.length} characters, or some that are not printable ASCII.`,
    );
  }
  const bodyHash = createHash("sha256").update(operation).update("\n").update(body).digest("hex");
  return { key: `${actorId(actor)} ${header}`, bodyHash };
}
