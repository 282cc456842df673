/**
 * Envelope encryption of secrets at rest. Each value is encrypted under a data key of its own (AES-256-GCM), which is
 * encrypted under a master key of the installation. Both are bound to the workspace and the secret: a ciphertext that is
 * moved to another place does not open.
 *
 *     1.<id of the master key>.<iv, data key, tag>.<iv, value, tag>        the last two in base64url
 *
 * All of it is synchronous, so that reading and writing stay within a turn of the Dispatcher.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { KeyRing } from "./master-keys.ts";

/** Where a secret lies, and nowhere else. */
export interface SecretPlace {
  readonly workspaceId: string;
  readonly secretId: string;
}

export type Opened =
  | { readonly ok: true; readonly value: string }
  /** `unknown_key`: its master key is not configured. `damaged`: it was changed, or lies in a place not its own. */
  | { readonly ok: false; readonly why: "unknown_key" | "damaged" };

export type Random = (bytes: number) => Uint8Array;

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Encrypts under the current master key. */
export function sealSecret(ring: KeyRing, place: SecretPlace, value: string, random: Random): string {
  const { id, bytes: master } = ring.current;
  const dataKey = random(KEY_BYTES);
  const wrapped = encrypt(master, random(IV_BYTES), dataKey, boundTo("data-key", id, place));
  const sealed = encrypt(dataKey, random(IV_BYTES), Buffer.from(value, "utf8"), boundTo("value", id, place));
  return `1.${id}.${wrapped.toString("base64url")}.${sealed.toString("base64url")}`;
}

export function openSecret(ring: KeyRing, place: SecretPlace, box: string): Opened {
  const [version, id = "", wrapped = "", sealed = ""] = box.split(".");
  if (version !== "1") {
    return { ok: false, why: "damaged" };
  }
  const master = ring.all.get(id);
  if (master === undefined) {
    return { ok: false, why: "unknown_key" };
  }
  const dataKey = decrypt(master.bytes, Buffer.from(wrapped, "base64url"), boundTo("data-key", id, place));
  const value =
    dataKey === null ? null : decrypt(dataKey, Buffer.from(sealed, "base64url"), boundTo("value", id, place));
  return value === null ? { ok: false, why: "damaged" } : { ok: true, value: value.toString("utf8") };
}

/** Of the master key that a box needs. */
export function keyIdOf(box: string): string {
  return box.split(".")[1] ?? "";
}

function boundTo(what: "data-key" | "value", keyId: string, { workspaceId, secretId }: SecretPlace): Buffer {
  return Buffer.from(`cronium-secret-${what}\n1\n${keyId}\n${workspaceId}\n${secretId}`);
}

function encrypt(key: Uint8Array, iv: Uint8Array, plain: Uint8Array, aad: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(aad);
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Null when it does not belong to this key and place. */
function decrypt(key: Uint8Array, box: Buffer, aad: Buffer): Buffer | null {
  if (box.length < IV_BYTES + TAG_BYTES) {
    return null;
  }
  try {
    const cipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    cipher.setAuthTag(box.subarray(box.length - TAG_BYTES));
    return Buffer.concat([cipher.update(box.subarray(IV_BYTES, box.length - TAG_BYTES)), cipher.final()]);
  } catch {
    return null;
  }
}
