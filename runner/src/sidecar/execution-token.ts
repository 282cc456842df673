/**
 * Who is calling: a token is good for one attempt, on that attempt's own socket, while the attempt lives.
 *
 * Tokens live for an hour, jobs may run for longer. The token that a job was given is renewed silently when it comes
 * over the job's own socket: the runner closes that socket when the attempt ends. Any other expired token is refused.
 */
import { randomBytes } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import { AppError } from "@cronium/protocol";
import { isCanonicalJws } from "@cronium/protocol/jws";
import type { SlotState } from "./slots.ts";

/** Of a renewed token, in seconds. */
export const TOKEN_LIFE_S = 3_600;
const MAX_TOKEN_CHARS = 4_096;

/** A token whose signature and claims were found good, until `until` in ms since 1970. */
export interface VerifiedToken {
  readonly token: string;
  readonly subject: string | undefined;
  readonly until: number;
}

/** Throws `AppError` with `invalid_token` or `attempt_not_active`. */
export async function authorize(
  key: Uint8Array,
  slot: SlotState,
  authorization: string | undefined,
  runId: string,
): Promise<void> {
  const token = /^Bearer ([^\s]+)$/.exec(authorization ?? "")?.[1];
  if (token === undefined || token.length > MAX_TOKEN_CHARS) {
    throw new AppError("invalid_token", "The call carries no token of a job.");
  }
  const known = slot.verified;
  const subject =
    known !== null && known.token === token && Date.now() < known.until
      ? known.subject
      : await verified(key, slot, token);
  const bind = slot.bind;
  if (bind === null || slot.closed) {
    throw new AppError("attempt_not_active", "No job runs in this slot.");
  }
  const { runId: boundRun } = bind.context;
  if (subject !== `${boundRun}:${bind.attempt}` || runId !== boundRun) {
    throw new AppError("attempt_not_active", "The token or the address names another run or attempt.");
  }
}

/** Whose token it is. Whether that attempt still lives is asked at every call, of the slot. */
async function verified(key: Uint8Array, slot: SlotState, token: string): Promise<string | undefined> {
  if (!isCanonicalJws(token)) {
    throw new AppError("invalid_token", "The call carries no token of a job.");
  }
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["HS256"],
      typ: "cronium-execution+jwt",
      audience: "cronium-runtime",
      requiredClaims: ["sub", "jti", "exp", "iat"],
    });
    slot.verified = { token, subject: payload.sub, until: (payload.exp ?? 0) * 1_000 };
    return payload.sub;
  } catch (error) {
    if (error instanceof errors.JWTExpired && slot.tokenId !== null && error.payload.jti === slot.tokenId) {
      return error.payload.sub;
    }
    throw new AppError("invalid_token", "The token is not one of this runner's, or has expired.", { cause: error });
  }
}

/** A fresh token for the job of this attempt. */
export function renewToken(key: Uint8Array, runId: string, attempt: number): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256", typ: "cronium-execution+jwt" })
    .setAudience("cronium-runtime")
    .setSubject(`${runId}:${attempt}`)
    .setJti(randomBytes(16).toString("base64url"))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFE_S)
    .sign(key);
}
