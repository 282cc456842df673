/**
 * Opens what was sealed to this runner's key: the receiver's side of HPKE (RFC 9180) in base mode,
 * DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. The sender's side is `control-plane/src/auth/sealing.ts`.
 */
import { createDecipheriv, createECDH, createHmac } from "node:crypto";

const KEM_SUITE = Buffer.from("KEM\x00\x10", "latin1");
const SUITE = Buffer.from("HPKE\x00\x10\x00\x01\x00\x02", "latin1");
const NONE = Buffer.alloc(0);
const TAG_BYTES = 16;
const POINT_BYTES = 65;

/** `privateKey`: 32 bytes, of P-256. Throws when the message is not for this key and `info`, or was changed. */
export function unseal(privateKey: Uint8Array, info: string, message: string): string {
  const [enc = NONE, sealed = NONE] = message.split(".").map((part) => Buffer.from(part, "base64url"));
  if (enc.length !== POINT_BYTES || sealed.length < TAG_BYTES) {
    throw new Error("It is not a sealed message.");
  }
  const own = createECDH("prime256v1");
  own.setPrivateKey(privateKey);
  const shared = sharedSecret(own.computeSecret(enc), enc, own.getPublicKey());
  const { key, nonce } = keySchedule(shared, Buffer.from(info));
  const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const text = Buffer.concat([cipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), cipher.final()]);
  return text.toString("utf8");
}

/** RFC 9180, 4.1. */
export function sharedSecret(agreed: Uint8Array, enc: Uint8Array, own: Uint8Array): Buffer {
  const prk = labeledExtract(KEM_SUITE, NONE, "eae_prk", agreed);
  return labeledExpand(KEM_SUITE, prk, "shared_secret", Buffer.concat([enc, own]), 32);
}

/** RFC 9180, 5.1, base mode: no pre-shared key. */
function keySchedule(shared: Buffer, info: Buffer): { readonly key: Buffer; readonly nonce: Buffer } {
  const context = Buffer.concat([
    Buffer.of(0),
    labeledExtract(SUITE, NONE, "psk_id_hash", NONE),
    labeledExtract(SUITE, NONE, "info_hash", info),
  ]);
  const secret = labeledExtract(SUITE, shared, "secret", NONE);
  return {
    key: labeledExpand(SUITE, secret, "key", context, 32),
    nonce: labeledExpand(SUITE, secret, "base_nonce", context, 12),
  };
}

function labeledExtract(suite: Buffer, salt: Uint8Array, label: string, input: Uint8Array): Buffer {
  return createHmac("sha256", salt)
    .update(Buffer.concat([Buffer.from("HPKE-v1"), suite, Buffer.from(label), input]))
    .digest();
}

/** One block of HKDF-Expand: no more than 32 bytes are ever needed. */
function labeledExpand(suite: Buffer, prk: Buffer, label: string, info: Uint8Array, length: number): Buffer {
  return createHmac("sha256", prk)
    .update(
      Buffer.concat([Buffer.of(0, length), Buffer.from("HPKE-v1"), suite, Buffer.from(label), info, Buffer.of(1)]),
    )
    .digest()
    .subarray(0, length);
}
