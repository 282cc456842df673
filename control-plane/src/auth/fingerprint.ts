/**
 * What an audit entry says of a secret's value: enough to see whether it changed, and nothing to guess it from. A keyed
 * hash, because a bare one of a short password is as good as the password.
 */
import { createHmac } from "node:crypto";
import type { KeyRing } from "./master-keys.ts";
import type { SecretPlace } from "./secret-box.ts";

const SHOWN_DIGITS = 16;

/** Values are comparable within one secret and one master key, whose id it names. */
export function fingerprint({ current }: KeyRing, { workspaceId, secretId }: SecretPlace, value: string): string {
  const key = createHmac("sha256", current.bytes).update("cronium-fingerprint").digest();
  const hash = createHmac("sha256", key).update(`${workspaceId}\n${secretId}\n${value}`).digest("hex");
  return `hmac:${current.id}:${hash.slice(0, SHOWN_DIGITS)}`;
}
