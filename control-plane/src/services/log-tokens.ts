/**
 * Bearer tokens of log sockets: a JWT (HS256) for one attempt, made by the Dispatcher with the grant and checked by the
 * Worker before a socket reaches a log room. Signing is synchronous, so that the grant stays within its turn.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";

export interface LogScope {
  readonly workspaceId: string;
  readonly runId: string;
  readonly attempt: number;
}

/** Longest run, drain and time offline together: a day each, and some. */
const LIFE_SECONDS = 3 * 86_400;
const HEADER = { alg: "HS256", typ: "cronium-log+jwt" } as const;

const Header = z.strictObject({ alg: z.literal(HEADER.alg), typ: z.literal(HEADER.typ) });
const Claims = z.strictObject({
  aud: z.literal("cronium-log"),
  sub: z.string().regex(/^run_[0-9a-z]{26}:[1-9]\d{0,8}$/),
  workspace: z.string(),
  iat: z.int(),
  exp: z.int(),
});

export function signLogToken(key: string, scope: LogScope, now: number): string {
  const iat = Math.floor(now / 1_000);
  const claims: z.infer<typeof Claims> = {
    aud: "cronium-log",
    sub: `${scope.runId}:${scope.attempt}`,
    workspace: scope.workspaceId,
    iat,
    exp: iat + LIFE_SECONDS,
  };
  const body = `${encode(HEADER)}.${encode(claims)}`;
  return `${body}.${mac(key, body).toString("base64url")}`;
}

/** What a token allows; null when it is forged, expired or not one of ours. */
export function readLogToken(key: string, token: string, now: number): LogScope | null {
  const parts = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(token);
  if (parts === null || token.length > 2_048) {
    return null;
  }
  const [, header = "", claims = "", signature = ""] = parts;
  const expected = mac(key, `${header}.${claims}`);
  const given = Buffer.from(signature, "base64url");
  // The encoding must be the one we made: base64url has spare bits in its last character.
  if (given.toString("base64url") !== signature || !timingSafeEqual(expected, given)) {
    return null;
  }
  const parsed = Claims.safeParse(decode(claims));
  if (!Header.safeParse(decode(header)).success || !parsed.success) {
    return null;
  }
  if (parsed.data.exp * 1_000 <= now) {
    return null;
  }
  const [runId = "", attempt = ""] = parsed.data.sub.split(":");
  return { workspaceId: parsed.data.workspace, runId, attempt: Number(attempt) };
}

function mac(key: string, body: string): Buffer {
  return createHmac("sha256", key).update(body).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return null;
  }
}
