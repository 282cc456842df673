/** People: whose session a request carries, who is signed in, and claiming the owner account. */
import { AppError } from "@cronium/protocol/errors";
import type { ClaimRequest, Me, OwnAccount } from "@cronium/protocol";
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken } from "@cronium/protocol/token";
import { hashPassword } from "../auth/password.ts";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { claimWorkspace, findUser, findWorkspace } from "../store/accounts.ts";
import { findStanding } from "../store/members.ts";
import { activateByToken, findPasswordHash } from "../store/sessions.ts";
import { viewSecondFactor } from "./second-factor.ts";
import { PROOF_MS } from "./sessions.ts";

/** However often a session is used, after this long its user signs in again. */
const LONGEST_SESSION_MS = 30 * 86_400_000;

/** Null without a valid session, or when its user belongs to no workspace. `origin` is that of this installation. */
export async function actorOfSession(deps: Deps, origin: string, headers: Headers): Promise<Actor | null> {
  const found = await deps.sessionsFor(origin).read(headers);
  if (found === null || found.session.createdAt.getTime() + LONGEST_SESSION_MS <= deps.clock.now()) {
    return null;
  }
  const { user, session } = found;
  const standing = await findStanding(deps.d1, user.id, session.id);
  if (standing === null) {
    return null;
  }
  const { workspaceId, role } = standing;
  // Signing in is a proof as well.
  const provenUntil = Math.max(standing.provenUntil ?? 0, session.createdAt.getTime() + PROOF_MS);
  return { kind: "user", userId: user.id, sessionId: session.id, workspaceId, role, provenUntil };
}

/** Somebody who has just joined and signed in, looking at the workspace that they joined. */
export async function memberActor(
  deps: Deps,
  joined: { readonly userId: string; readonly workspaceId: string },
  sessionToken: string,
): Promise<Actor> {
  const sessionId = await activateByToken(deps.d1, sessionToken, joined.userId, joined.workspaceId);
  const standing = await findStanding(deps.d1, joined.userId, sessionId);
  if (standing === null) {
    throw new AppError("not_found", "The workspace of this invitation no longer exists.");
  }
  const { workspaceId, role } = standing;
  return { kind: "user", userId: joined.userId, sessionId, workspaceId, role, provenUntil: 0 };
}

/** The caller's own account. Throws `forbidden` for a key. */
export async function ownAccount(deps: Deps, actor: Actor): Promise<OwnAccount> {
  const user = actor.kind === "user" ? await findUser(deps.db, actor.userId) : undefined;
  if (user === undefined) {
    throw new AppError("forbidden", "This is about a person's own account; an API key has none.");
  }
  const { email, emailConfirmed } = user;
  const hasPassword = (await findPasswordHash(deps.d1, user.id)) !== null;
  return { email, emailConfirmed, hasPassword, secondFactor: await viewSecondFactor(deps, user.id) };
}

export async function whoAmI(deps: Deps, actor: Actor, version: string): Promise<Me> {
  const [user, workspace] = await Promise.all([
    actor.kind === "user" ? findUser(deps.db, actor.userId) : undefined,
    findWorkspace(deps.db, actor.workspaceId),
  ]);
  if (workspace === undefined) {
    throw new AppError("not_found", "The workspace of this login no longer exists.");
  }
  return {
    user: user === undefined ? null : { id: user.id, name: user.name, email: user.email },
    workspace: { id: workspace.id, name: workspace.name },
    role: actor.role,
    via: actor.kind === "user" ? "session" : "api_key",
    version,
  };
}

/**
 * Makes the owner account with a claim link. Throws `malformed_token`, or `invalid_claim_link` for a link that was used
 * or replaced. Answers the owner.
 */
export async function claimOwner(deps: Deps, request: ClaimRequest): Promise<Actor> {
  if (!isWholeToken("claim", request.token)) {
    throw new AppError("malformed_token", "The claim link is cut off or changed.");
  }
  const now = deps.clock.now();
  const userId = makeId("user", now, deps.ids.random(10));
  let workspaceId: string | null;
  try {
    workspaceId = await claimWorkspace(deps.d1, await hashToken(request.token), {
      userId,
      accountId: makeId("user", now, deps.ids.random(10)),
      name: request.name,
      email: request.email.toLowerCase(),
      passwordHash: await hashPassword(request.password),
      now,
    });
  } catch (cause) {
    if (String(cause).includes("UNIQUE constraint failed: user.email")) {
      throw new AppError("invalid_value", "This e-mail address has an account already.", {
        cause,
        errors: [{ pointer: "/email", code: "invalid_value", message: "has an account already" }],
      });
    }
    throw cause;
  }
  if (workspaceId === null) {
    throw new AppError("invalid_claim_link", "This claim link is not valid any more.");
  }
  deps.log.info("workspace.claimed", { workspaceId, userId });
  return { kind: "user", userId, sessionId: "", workspaceId, role: "owner", provenUntil: 0 };
}
