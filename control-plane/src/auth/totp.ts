/** Codes of authenticator apps: TOTP after RFC 6238, with SHA-1, six digits and steps of 30 s, which every app knows. */
import { createHmac } from "node:crypto";

const STEP_MS = 30_000;
const DIGITS = 6;
/** A clock may be one step off, either way. */
const STEPS_OFF = 1;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of one step, counted from 1970 (RFC 4226, section 5.3). */
export function codeAt(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** DIGITS).padStart(DIGITS, "0");
}

/** The newest step around `now` whose code this is; null when there is none. */
export function stepOf(secret: Uint8Array, code: string, now: number): number | null {
  const current = Math.floor(now / STEP_MS);
  for (let step = current + STEPS_OFF; step >= current - STEPS_OFF; step -= 1) {
    if (codeAt(secret, step) === code) {
      return step;
    }
  }
  return null;
}

/** RFC 4648, without padding: as people type it into an app. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + BASE32.charAt((value << (5 - bits)) & 31);
}

/** What the QR code of an app holds. */
export function totpUri(account: string, secret: Uint8Array): string {
  const label = `Cronium:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=Cronium`;
}
