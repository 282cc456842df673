/**
 * Tickets for the bytes of one artifact: a JWT (HS256), made by the Dispatcher of the run in the turn in which it found
 * that the attempt is held by whoever asks, and checked by the Worker before a byte is read or sent.
 */
import * as z from "zod";
import { signHs256, verifyHs256 } from "../auth/signed-token.ts";

export interface ArtifactScope {
  readonly workspaceId: string;
  readonly runId: string;
  readonly number: number;
  readonly bytes: number;
  /** Of an upload: what was announced, or null. */
  readonly sha256: string | null;
  readonly isUpload: boolean;
}

/** For the largest artifact over a slow line. */
const LIFE_SECONDS = 3_600;
const MAX_CHARS = 2_048;
const HEADER = { alg: "HS256", typ: "cronium-artifact+jwt" } as const;

const Header = z.strictObject({ alg: z.literal(HEADER.alg), typ: z.literal(HEADER.typ) });
const Claims = z.strictObject({
  aud: z.literal("cronium-artifact"),
  sub: z.string().regex(/^run_[0-9a-z]{26}:[1-9]\d{0,8}$/),
  workspace: z.string(),
  bytes: z.int(),
  sha256: z.string().nullable(),
  upload: z.boolean(),
  exp: z.int(),
});

export function signArtifactTicket(key: string, scope: ArtifactScope, now: number): string {
  const claims: z.infer<typeof Claims> = {
    aud: "cronium-artifact",
    sub: `${scope.runId}:${scope.number}`,
    workspace: scope.workspaceId,
    bytes: scope.bytes,
    sha256: scope.sha256,
    upload: scope.isUpload,
    exp: Math.floor(now / 1_000) + LIFE_SECONDS,
  };
  return signHs256(key, HEADER, claims);
}

/** Null when it is forged, expired or not one of ours. */
export function readArtifactTicket(key: string, ticket: string, now: number): ArtifactScope | null {
  const read = ticket.length > MAX_CHARS ? null : verifyHs256(key, ticket);
  if (read === null || !Header.safeParse(parse(read.header)).success) {
    return null;
  }
  const claims = Claims.safeParse(parse(read.payload));
  if (!claims.success || claims.data.exp * 1_000 <= now) {
    return null;
  }
  const { sub, workspace: workspaceId, bytes, sha256, upload: isUpload } = claims.data;
  const [runId = "", number = ""] = sub.split(":");
  return { workspaceId, runId, number: Number(number), bytes, sha256, isUpload };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
