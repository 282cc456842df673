/**
 * The key of the execution tokens. It is made anew at each start, unless jobs of an earlier process go on: their scripts
 * hold tokens that were signed with the old one. On disk it is `execution.key`, 32 bytes, readable by its owner only.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const KEY_BYTES = 32;

export function executionKey(dataDir: string, keep: boolean): Uint8Array {
  const path = join(dataDir, "execution.key");
  const old = keep ? readKey(path) : null;
  if (old !== null) {
    return old;
  }
  const key = randomBytes(KEY_BYTES);
  writeFileSync(path, key, { mode: 0o600 });
  return key;
}

function readKey(path: string): Uint8Array | null {
  try {
    const bytes = readFileSync(path);
    return bytes.length === KEY_BYTES ? bytes : null;
  } catch {
    return null;
  }
}
