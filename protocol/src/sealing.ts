/**
 * How secrets reach the one runner that may open them: HPKE (RFC 9180) in base mode with DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256 and AES-256-GCM, one message for each key.
 *
 * A runner makes a P-256 key beside its identity and names the public half in every `hello`, signed by its Ed25519
 * identity over `sealingKeyMessage`. With the grant of an attempt, and never before, the control plane seals the attempt's
 * secrets to that key. `sealingInfo` binds the message to workspace, runner, run and attempt: moved to another place it
 * does not open.
 *
 * The message is `<enc>.<ciphertext>`, each in base64url: the 65 bytes of the ephemeral public key, and the ciphertext
 * with its tag. What is sealed is the JSON of `SealedSecrets`.
 */
import * as z from "zod";

/** Base64url of a P-256 public key, an uncompressed point of 65 bytes, and the signature over it. */
export const SealingKey = z.strictObject({
  publicKey: z.string().regex(/^B[A-Za-z0-9_-]{86}$/, "must be an uncompressed point of P-256 in base64url"),
  signature: z.string().max(128),
});
export type SealingKey = z.infer<typeof SealingKey>;

/** Values by name. */
export const SealedSecrets = z.record(z.string(), z.string());
export type SealedSecrets = z.infer<typeof SealedSecrets>;

/** What `SealingKey.signature` signs: UTF-8 of this text, by the runner's Ed25519 key, in base64url. */
export function sealingKeyMessage(nonce: string, runnerId: string, publicKey: string): string {
  return `cronium-sealing-key\n${nonce}\n${runnerId}\n${publicKey}`;
}

/** HPKE's `info`. */
export function sealingInfo(place: {
  readonly workspaceId: string;
  readonly runnerId: string;
  readonly runId: string;
  readonly attempt: number;
}): string {
  return `cronium-secrets\n1\n${place.workspaceId}\n${place.runnerId}\n${place.runId}\n${place.attempt}`;
}
