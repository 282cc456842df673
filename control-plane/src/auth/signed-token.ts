/**
 * Signed tokens (JWS, HS256) without a choice: one algorithm, one spelling. The header of a token decides nothing about
 * how it is checked. Synchronous, so that a Dispatcher can sign within its turn.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { isCanonicalJws } from "@cronium/protocol/jws";

export function signHs256(key: string | Uint8Array, header: object, payload: object): string {
  const body = `${encode(header)}.${encode(payload)}`;
  return `${body}.${mac(key, body).toString("base64url")}`;
}

/** Header and payload as texts, which the caller parses; null when the token is not signed with this key. */
export function verifyHs256(
  key: string | Uint8Array,
  token: string,
): { readonly header: string; readonly payload: string } | null {
  if (!isCanonicalJws(token)) {
    return null;
  }
  const [header = "", payload = "", signature = ""] = token.split(".");
  const [expected, given] = [mac(key, `${header}.${payload}`), Buffer.from(signature, "base64url")];
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
    return null;
  }
  return { header: decode(header), payload: decode(payload) };
}

function mac(key: string | Uint8Array, body: string): Buffer {
  return createHmac("sha256", key).update(body).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): string {
  return Buffer.from(part, "base64url").toString("utf8");
}
