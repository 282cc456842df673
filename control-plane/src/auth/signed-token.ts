/**
 * Signed tokens (JWS, HS256) without a choice: one algorithm, one spelling. The header of a token decides nothing about
 * how it is checked. Synchronous, so that a Dispatcher can sign within its turn.
 */
import { isCanonicalJws } from "@cronium/protocol/jws";
import { hmacSha256, isSameMac } from "./hmac.ts";

export function signHs256(key: string | Uint8Array, header: object, payload: object): string {
  const body = `${encode(header)}.${encode(payload)}`;
  return `${body}.${hmacSha256(key, body).toString("base64url")}`;
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
  if (!isSameMac(hmacSha256(key, `${header}.${payload}`), Buffer.from(signature, "base64url"))) {
    return null;
  }
  return { header: decode(header), payload: decode(payload) };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): string {
  return Buffer.from(part, "base64url").toString("utf8");
}
