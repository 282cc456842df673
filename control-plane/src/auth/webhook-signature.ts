/**
 * Who sent a webhook: the bytes of its body against the secrets of its endpoint. Everything that can be wrong has the
 * same answer, so that nobody learns by trying which part it was.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Verification } from "@cronium/protocol/endpoint";

/** How old, or how far ahead, a signed moment may be. */
export const TOLERANCE_S = 300;
/** Signatures in one header that are looked at. */
const MAX_SIGNATURES = 10;
const MAX_HEADER = 4_096;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const TIMESTAMP = /^\d{1,12}$/;
const STANDARD_PREFIX = "whsec_";

export interface SignedRequest {
  readonly header: (name: string) => string | null;
  /** As it arrived. */
  readonly body: Uint8Array;
  /** Seconds since 1970. */
  readonly nowS: number;
}

/** Whether the sender knows one of the secrets. */
export function isGenuine(verification: Verification, secrets: readonly string[], request: SignedRequest): boolean {
  if (verification.kind === "none") {
    return true;
  }
  // Each is tried, also after one that fits: which one did does not show in the time.
  return secrets.map((secret) => fits(verification, secret, request)).includes(true);
}

function fits(verification: Exclude<Verification, { kind: "none" }>, secret: string, request: SignedRequest): boolean {
  const header = (name: string): string => {
    const value = request.header(name) ?? "";
    return value.length > MAX_HEADER ? "" : value;
  };
  const { body, nowS } = request;
  switch (verification.kind) {
    case "standard": {
      const id = header("webhook-id");
      const at = header("webhook-timestamp");
      if (!ID.test(id) || !isRecent(at, nowS)) {
        return false;
      }
      const expected = mac("sha256", standardKey(secret), `${id}.${at}.`, body).toString("base64");
      return listed(header("webhook-signature").split(" "), "v1,", expected);
    }
    case "github":
      return isSame(header("x-hub-signature-256"), `sha256=${mac("sha256", secret, "", body).toString("hex")}`);
    case "gitlab":
      return isSame(header("x-gitlab-token"), secret);
    case "stripe": {
      const parts = header("stripe-signature").split(",");
      const at = parts.find((part) => part.startsWith("t="))?.slice(2) ?? "";
      if (!isRecent(at, nowS)) {
        return false;
      }
      return listed(parts, "v1=", mac("sha256", secret, `${at}.`, body).toString("hex"));
    }
    case "slack": {
      const at = header("x-slack-request-timestamp");
      const expected = `v0=${mac("sha256", secret, `v0:${at}:`, body).toString("hex")}`;
      return isRecent(at, nowS) && isSame(header("x-slack-signature"), expected);
    }
    case "hmac": {
      const { algorithm, encoding, prefix } = verification;
      return isSame(header(verification.header), prefix + mac(algorithm, secret, "", body).toString(encoding));
    }
    case "bearer":
      return isSame(header("authorization").replace(/^bearer /i, ""), secret);
    case "basic": {
      const expected = Buffer.from(`${verification.username}:${secret}`, "utf8").toString("base64");
      return isSame(header("authorization").replace(/^basic /i, ""), expected);
    }
    default:
      return verification satisfies never;
  }
}

function isRecent(text: string, nowS: number): boolean {
  return TIMESTAMP.test(text) && Math.abs(nowS - Number(text)) <= TOLERANCE_S;
}

function listed(parts: readonly string[], prefix: string, expected: string): boolean {
  const given = parts.filter((part) => part.startsWith(prefix)).slice(0, MAX_SIGNATURES);
  return given.map((part) => isSame(part.slice(prefix.length), expected)).includes(true);
}

function mac(
  algorithm: "sha1" | "sha256" | "sha512",
  key: string | Uint8Array,
  before: string,
  body: Uint8Array,
): Buffer {
  return createHmac(algorithm, key).update(before, "utf8").update(body).digest();
}

/** Takes the same time wherever the two differ. */
function isSame(given: string, expected: string): boolean {
  const one = createHmac("sha256", "same length").update(given, "utf8").digest();
  const other = createHmac("sha256", "same length").update(expected, "utf8").digest();
  return timingSafeEqual(one, other);
}

function standardKey(secret: string): Uint8Array {
  return Buffer.from(secret.startsWith(STANDARD_PREFIX) ? secret.slice(STANDARD_PREFIX.length) : secret, "base64");
}

/** A secret for an endpoint that was given none. Null where none is needed. */
export function makeSecret(verification: Verification, random: (bytes: number) => Uint8Array): string | null {
  if (verification.kind === "none") {
    return null;
  }
  const bytes = Buffer.from(random(24));
  return verification.kind === "standard"
    ? `${STANDARD_PREFIX}${bytes.toString("base64")}`
    : bytes.toString("base64url");
}

/** Why this secret does not do; null when it does. */
export function whyNotSecret(verification: Verification, secret: string): string | null {
  if (verification.kind !== "standard") {
    return null;
  }
  const bytes = standardKey(secret);
  const isBase64 =
    Buffer.from(bytes).toString("base64").replace(/=+$/, "") === secret.replace(/^whsec_/, "").replace(/=+$/, "");
  return secret.startsWith(STANDARD_PREFIX) && isBase64 && bytes.length >= 16 && bytes.length <= 64
    ? null
    : "must be whsec_ and 16 to 64 bytes in base64";
}
