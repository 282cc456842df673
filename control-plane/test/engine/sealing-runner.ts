/** A runner with a key that secrets can be sealed to, and its side of opening them. */
import { createDecipheriv, createECDH, createHmac, type ECDH } from "node:crypto";
import { base64url, sealingInfo, sealingKeyMessage } from "@cronium/protocol";
import { connect, registerFake, type Connection, type FakeRunner } from "./fake-runner.ts";
import type { Plane } from "./plane.ts";

export interface SealingRunner {
  readonly runner: FakeRunner;
  readonly connection: Connection;
  open(ref: { readonly runId: string; readonly attempt: number }, sealed: string, change?: object): unknown;
}

/** A runner with a key that secrets can be sealed to. */
export async function sealingRunner(
  plane: Plane,
  labels: Record<string, string> = {},
  shard = 0,
): Promise<SealingRunner> {
  const runner = await registerFake(plane, { labels });
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  const connection = await connect(runner, {
    shard,
    sealing: async (nonce) => {
      const publicKey = pair.getPublicKey("base64url");
      const message = new TextEncoder().encode(sealingKeyMessage(nonce, runner.runnerId, publicKey));
      const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", runner.key, message));
      return { publicKey, signature: base64url(signature) };
    },
  });
  return {
    runner,
    connection,
    open: ({ runId, attempt }, sealed, change = {}) => {
      const place = { workspaceId: plane.workspaceId, runnerId: runner.runnerId, runId, attempt, ...change };
      return JSON.parse(unseal(pair, sealingInfo(place), sealed));
    },
  };
}

/** The receiver's side of RFC 9180, as `runner/src/base/unseal.ts` has it. */
function unseal(pair: ECDH, info: string, message: string): string {
  const [enc = Buffer.alloc(0), sealed = Buffer.alloc(0)] = message
    .split(".")
    .map((part) => Buffer.from(part, "base64url"));
  const own = pair.getPublicKey();
  const agreed = pair.computeSecret(enc);
  const hmac = (key: Uint8Array, ...parts: (string | Uint8Array)[]): Buffer =>
    createHmac("sha256", key)
      .update(Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part))))
      .digest();
  const [kem, suite, zero] = ["HPKE-v1KEM\0\x10", "HPKE-v1HPKE\0\x10\0\x01\0\x02", Buffer.alloc(32)];
  const shared = hmac(hmac(zero, kem, "eae_prk", agreed), "\0\x20", kem, "shared_secret", enc, own, "\x01");
  const context = ["\0", hmac(zero, suite, "psk_id_hash"), hmac(zero, suite, "info_hash", info)] as const;
  const secret = hmac(shared, suite, "secret");
  const key = hmac(secret, "\0\x20", suite, "key", ...context, "\x01");
  const nonce = hmac(secret, "\0\x0c", suite, "base_nonce", ...context, "\x01").subarray(0, 12);
  const cipher = createDecipheriv("aes-256-gcm", key, nonce);
  cipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]).toString();
}
