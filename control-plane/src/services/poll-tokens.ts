/**
 * Tokens of polling sessions: they name the workspace and the runner, so that a request finds its Dispatcher without a
 * look into the database, and are signed, so that nobody makes one for a workspace that is not there.
 */
import { hmacSha256, isSameMac } from "../auth/hmac.ts";

export interface PollSession {
  readonly workspaceId: string;
  readonly runnerId: string;
  /** Random; what the Dispatcher knows the session by. */
  readonly session: string;
  /** Known only while it is being opened. */
  readonly publicKey: string | null;
}

export function signPollToken(key: string, { workspaceId, runnerId, session }: PollSession): string {
  const body = `${workspaceId}.${runnerId}.${session}`;
  return `${body}.${mac(key, body).toString("base64url")}`;
}

/** Null when it is not one of ours. */
export function readPollToken(key: string, token: string): PollSession | null {
  const parts = /^(([a-z0-9_]+)\.([a-z0-9_]+)\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]{43})$/.exec(token);
  if (parts === null) {
    return null;
  }
  const [, body = "", workspaceId = "", runnerId = "", session = "", signature = ""] = parts;
  const given = Buffer.from(signature, "base64url");
  // The encoding must be the one we made: base64url has spare bits in its last character.
  if (given.toString("base64url") !== signature || !isSameMac(mac(key, body), given)) {
    return null;
  }
  return { workspaceId, runnerId, session, publicKey: null };
}

/** The key also signs log tokens; the prefix keeps the two apart. */
function mac(key: string, body: string): Buffer {
  return hmacSha256(key, `cronium-poll.${body}`);
}
