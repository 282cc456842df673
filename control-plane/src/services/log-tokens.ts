/**
 * Bearer tokens of log sockets: a JWT (HS256) for one attempt, made by the Dispatcher with the grant and checked by the
 * Worker before a socket reaches a log room. Signing is synchronous, so that the grant stays within its turn.
 */
import { MAX_LOG_CAP_BYTES } from "@cronium/protocol/limits";
import * as z from "zod";
import { signHs256, verifyHs256 } from "../auth/signed-token.ts";

export interface LogScope {
  readonly workspaceId: string;
  readonly runId: string;
  readonly attempt: number;
  /** The most that its log room keeps of the attempt. */
  readonly capBytes: number;
}

/** Longest run, drain and time offline together: a day each, and some. */
const LIFE_SECONDS = 3 * 86_400;
const MAX_TOKEN_CHARS = 2_048;
const HEADER = { alg: "HS256", typ: "cronium-log+jwt" } as const;

const Header = z.strictObject({ alg: z.literal(HEADER.alg), typ: z.literal(HEADER.typ) });
const Claims = z.strictObject({
  aud: z.literal("cronium-log"),
  sub: z.string().regex(/^run_[0-9a-z]{26}:[1-9]\d{0,8}$/),
  workspace: z.string(),
  /** Absent from tokens of earlier versions. */
  cap: z.int().min(1).optional(),
  iat: z.int(),
  exp: z.int(),
});

export function signLogToken(key: string, scope: LogScope, now: number): string {
  const iat = Math.floor(now / 1_000);
  const claims: z.infer<typeof Claims> = {
    aud: "cronium-log",
    sub: `${scope.runId}:${scope.attempt}`,
    workspace: scope.workspaceId,
    cap: scope.capBytes,
    iat,
    exp: iat + LIFE_SECONDS,
  };
  return signHs256(key, HEADER, claims);
}

/** What a token allows; null when it is forged, expired or not one of ours. */
export function readLogToken(key: string, token: string, now: number): LogScope | null {
  const read = token.length > MAX_TOKEN_CHARS ? null : verifyHs256(key, token);
  if (read === null || !Header.safeParse(parse(read.header)).success) {
    return null;
  }
  const claims = Claims.safeParse(parse(read.payload));
  if (!claims.success || claims.data.exp * 1_000 <= now) {
    return null;
  }
  const [runId = "", attempt = ""] = claims.data.sub.split(":");
  const { workspace: workspaceId, cap: capBytes = MAX_LOG_CAP_BYTES } = claims.data;
  return { workspaceId, runId, attempt: Number(attempt), capBytes };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
