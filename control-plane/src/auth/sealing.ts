/**
 * Seals a text to a runner's key: the sender's side of HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256),
 * HKDF-SHA256, AES-256-GCM. The runner's side is `runner/src/base/unseal.ts`. Synchronous, so that a grant stays within
 * its turn; that is why the curve is P-256: workerd agrees on no secret with an imported X25519 key in a synchronous call.
 */
import { createCipheriv, createECDH, createHmac } from "node:crypto";

const CURVE = "prime256v1";
const KEM_SUITE = Buffer.from("KEM\x00\x10", "latin1");
const SUITE = Buffer.from("HPKE\x00\x10\x00\x01\x00\x02", "latin1");
const NONE = Buffer.alloc(0);

/** Whether it is a point that a secret can be agreed with. */
export function isSealingKey(publicKey: string): boolean {
  try {
    const own = createECDH(CURVE);
    own.generateKeys();
    own.computeSecret(Buffer.from(publicKey, "base64url"));
    return true;
  } catch {
    return false;
  }
}

/**
 * `publicKey`: raw, in base64url. `ephemeral`: 32 random bytes, never used twice. Throws when the key is not one that a
 * secret can be agreed with.
 */
export function sealTo(publicKey: string, info: string, text: string, ephemeral: Uint8Array): string {
  const theirs = Buffer.from(publicKey, "base64url");
  const own = createECDH(CURVE);
  own.setPrivateKey(ephemeral);
  const enc = own.getPublicKey();
  const shared = sharedSecret(own.computeSecret(theirs), enc, theirs);
  const { key, nonce } = keySchedule(shared, Buffer.from(info));
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(Buffer.from(text)), cipher.final(), cipher.getAuthTag()]);
  return `${enc.toString("base64url")}.${sealed.toString("base64url")}`;
}

/** RFC 9180, 4.1. */
function sharedSecret(agreed: Uint8Array, enc: Uint8Array, theirs: Uint8Array): Buffer {
  const prk = labeledExtract(KEM_SUITE, NONE, "eae_prk", agreed);
  return labeledExpand(KEM_SUITE, prk, "shared_secret", Buffer.concat([enc, theirs]), 32);
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
  // HMAC pads a key with zeros, so no salt and 32 zeros are the same.
  const key = salt.length === 0 ? Buffer.alloc(32) : salt;
  return createHmac("sha256", key)
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
