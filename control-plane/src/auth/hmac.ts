/** HMAC-SHA256, and its comparison in constant time. */
import { createHmac, timingSafeEqual } from "node:crypto";

export function hmacSha256(key: string | Uint8Array, message: string | Uint8Array): Buffer {
  return createHmac("sha256", key).update(message).digest();
}

/** Whole codes alone: one that was cut short is another one. */
export function isSameMac(expected: Uint8Array, given: Uint8Array): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}
