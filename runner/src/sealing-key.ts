/**
 * The key that secrets are sealed to, apart from the identity so that an older version of the runner can still read that
 * one. On disk it is `sealing.key`, 32 bytes of P-256, readable by its owner only. It is made once: a runner that is
 * started again opens with it what its running jobs were handed before.
 */
import { createECDH } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SealingKeyPair {
  readonly privateKey: Uint8Array;
  /** An uncompressed point, in base64url. */
  readonly publicKey: string;
}

const KEY_BYTES = 32;

export function sealingKey(dataDir: string): SealingKeyPair {
  const path = join(dataDir, "sealing.key");
  const old = readKey(path);
  if (old !== null) {
    return old;
  }
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  const bare = pair.getPrivateKey();
  // Node leaves zeros at the front out.
  const privateKey = Buffer.concat([Buffer.alloc(KEY_BYTES - bare.length), bare]);
  writeFileSync(path, privateKey, { mode: 0o600 });
  return { privateKey, publicKey: pair.getPublicKey("base64url") };
}

/** Null when there is none, or none that is usable: another one takes its place. */
function readKey(path: string): SealingKeyPair | null {
  try {
    const privateKey = readFileSync(path);
    const pair = createECDH("prime256v1");
    pair.setPrivateKey(privateKey);
    return privateKey.length === KEY_BYTES ? { privateKey, publicKey: pair.getPublicKey("base64url") } : null;
  } catch {
    return null;
  }
}
