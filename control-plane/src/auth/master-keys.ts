/**
 * The installation's master keys: the one that new secrets are encrypted under, and older ones that are still needed to
 * read what has not been encrypted again yet. A key is 32 random bytes in base64; its id is derived from it, so that an
 * id can never name another key.
 */
import { createHash, randomBytes } from "node:crypto";
import { openSecret, sealSecret } from "./secret-box.ts";

export interface MasterKey {
  /** 12 hex digits. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface KeyRing {
  readonly current: MasterKey;
  /** By id, the current one among them. */
  readonly all: ReadonlyMap<string, MasterKey>;
}

const KEY_BYTES = 32;
/** 32 random bytes hold fewer different ones than this less than once in 10^15. */
const LEAST_DIFFERENT = 16;

/** What is wrong with the text of a key, as the end of a sentence; null when nothing is. Never holds the key. */
export function masterKeyProblem(text: string): string | null {
  const bytes = decode(text);
  if (bytes === null) {
    return "must be 32 random bytes in base64 (make one with: openssl rand -base64 32)";
  }
  const steps = new Set([...bytes].slice(1).map((byte, at) => (byte - (bytes[at] ?? 0) + 256) % 256));
  if (new Set(bytes).size < LEAST_DIFFERENT || steps.size === 1) {
    return "is a pattern that anybody could guess; make a random one with: openssl rand -base64 32";
  }
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) {
    return "is text, which can be guessed; make a random one with: openssl rand -base64 32";
  }
  return null;
}

/** `old` holds keys apart by spaces or commas. Throws when one of them is not usable. */
export function makeKeyRing(current: string, old: string): KeyRing {
  const keys = [current, ...splitKeys(old)].map(makeKey);
  const [newest] = keys;
  if (newest === undefined) {
    throw new Error("There is no key.");
  }
  return { current: newest, all: new Map(keys.map((key) => [key.id, key])) };
}

export function splitKeys(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}

function makeKey(text: string): MasterKey {
  const bytes = decode(text);
  if (bytes === null) {
    throw new Error("A master key is not 32 bytes in base64.");
  }
  const id = createHash("sha256").update("cronium-master-key\n").update(bytes).digest("hex").slice(0, 12);
  return { id, bytes };
}

/** What does not work about encrypting and decrypting under these keys; null when all does. */
export function selfTest(ring: KeyRing): string | null {
  const place = { workspaceId: "ws_self_test", secretId: "sec_self_test" };
  const value = randomBytes(16).toString("hex");
  try {
    const box = sealSecret(ring, place, value, randomBytes);
    const opened = openSecret(ring, place, box);
    const elsewhere = openSecret(ring, { ...place, workspaceId: "ws_other" }, box);
    if (!opened.ok || opened.value !== value) {
      return "What was encrypted did not come back.";
    }
    return elsewhere.ok ? "A ciphertext could be read in another place than its own." : null;
  } catch (error) {
    return `Encryption failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function decode(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) {
    return null;
  }
  const bytes = Buffer.from(text.replace(/=$/, "").replaceAll("+", "-").replaceAll("/", "_"), "base64url");
  return bytes.length === KEY_BYTES ? new Uint8Array(bytes) : null;
}
