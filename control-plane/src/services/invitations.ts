/** How people join a workspace: by a link that an administrator made for their e-mail address. */
import type {
  AcceptInvitation,
  CreatedInvitation,
  CreateInvitation,
  Invitation,
  InvitationView,
} from "@cronium/protocol";
import { mayGrant } from "@cronium/protocol/access";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { hashPassword, verifyPassword } from "../auth/password.ts";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { countQuotas } from "../domain/count-quota.ts";
import type { Act } from "../domain/act.ts";
import { actorId, type Actor } from "../domain/actor.ts";
import type { Mail } from "../domain/ports.ts";
import { findUserByEmail } from "../store/accounts.ts";
import {
  acceptStatements,
  findOpenInvitation,
  inviteStatements,
  listInvitationRows,
  withdrawStatement,
  type InvitationRow,
} from "../store/invitations.ts";
import { findMember } from "../store/members.ts";
import { findPasswordHash } from "../store/sessions.ts";
import { checkCode } from "./second-factor.ts";
import { quotaFull } from "./outcome.ts";
import { commitAct, requireProof } from "./account-audit.ts";

const DAY_MS = 86_400_000;

export async function listInvitations(deps: Deps, actor: Actor): Promise<Invitation[]> {
  const rows = await listInvitationRows(deps.d1, actor.workspaceId);
  return rows.map((row) => viewInvitation(row, deps.clock.now()));
}

function viewInvitation(row: InvitationRow, now: number): Invitation {
  const at = (ms: number): string => new Date(ms).toISOString();
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    invitedBy: row.inviter,
    createdAt: at(row.createdAt),
    expiresAt: at(row.expiresAt),
    state: stateOf(row, now),
  };
}

function stateOf(row: InvitationRow, now: number): Invitation["state"] {
  if (row.acceptedAt !== null) {
    return "accepted";
  }
  if (row.revokedAt !== null) {
    return "withdrawn";
  }
  return row.expiresAt <= now ? "expired" : "open";
}

/** `url` is where people open the dashboard. An earlier open invitation to the same address ends. */
export async function invite(
  deps: Deps,
  act: Act,
  input: CreateInvitation,
  url: string,
): Promise<{ readonly created: CreatedInvitation; readonly mail: Mail }> {
  const { actor } = act;
  if (!mayGrant(actor.role, input.role)) {
    throw new AppError("forbidden", `The role "${actor.role}" may not invite somebody as "${input.role}".`);
  }
  if (deps.config.registration === "closed") {
    throw new AppError("forbidden", "This installation is closed: nobody can be invited.");
  }
  if (input.role === "owner" || input.role === "admin") {
    requireProof(deps, actor);
  }
  const email = input.email.toLowerCase();
  const known = await findUserByEmail(deps.db, email);
  if (known !== undefined && (await findMember(deps.d1, actor.workspaceId, known.id)) !== null) {
    throw new AppError("already_member", `${email} is a member already.`);
  }
  const now = deps.clock.now();
  const id = makeId("invitation", now, deps.ids.random(10));
  const token = makeToken("invitation", deps.ids.random(32));
  const expiresAt = now + input.expiresInDays * DAY_MS;
  const deed = { verb: "invitation.created", target: id, after: { email, role: input.role } };
  const invitation = {
    id,
    workspaceId: actor.workspaceId,
    email,
    role: input.role,
    hash: await hashToken(token),
    invitedBy: actorId(actor),
    createdAt: now,
    expiresAt,
  };
  const statements = inviteStatements(deps.d1, invitation, countQuotas.invitations.limit);
  const results = await commitAct(deps, act, deed, statements);
  if (results.at(-1)?.meta.changes === 0) {
    throw quotaFull("invitations");
  }
  const rows = await listInvitationRows(deps.d1, actor.workspaceId);
  const row = rows.find((candidate) => candidate.id === id);
  if (row === undefined) {
    throw new Error(`invitation ${id} was not stored`);
  }
  // In the fragment, which browsers do not send: neither logs nor proxies see the token.
  const path = `/join#token=${token}`;
  const mail: Mail = {
    kind: "invitation",
    to: email,
    subject: `Invitation to ${row.workspaceName} on Cronium`,
    text: `You are invited to the workspace ${row.workspaceName}. Open this link to join; it works once.`,
    path,
    expiresAt,
  };
  return { created: { ...viewInvitation(row, now), link: url + path }, mail };
}

export async function withdrawInvitation(deps: Deps, act: Act, invitationId: string): Promise<void> {
  const deed = { verb: "invitation.withdrawn", target: invitationId };
  const statement = withdrawStatement(deps.d1, act.actor.workspaceId, invitationId, deps.clock.now());
  const [result] = await commitAct(deps, act, deed, [statement]);
  if (result?.meta.changes === 0) {
    throw new AppError("not_found", `There is no open invitation ${invitationId}.`);
  }
}

/** Throws `malformed_token`, or one and the same `invalid_invitation` for every token that does not work. */
async function openInvitation(deps: Deps, token: string): Promise<InvitationRow & { readonly hash: string }> {
  if (!isWholeToken("invitation", token)) {
    throw new AppError("malformed_token", "The invitation link is cut off or changed.");
  }
  const hash = await hashToken(token);
  const row = await findOpenInvitation(deps.d1, hash, deps.clock.now());
  if (row === null) {
    throw new AppError("invalid_invitation", "This invitation does not work any more.");
  }
  return { ...row, hash };
}

export async function viewOpenInvitation(deps: Deps, token: string): Promise<InvitationView> {
  const { workspaceName, email, role } = await openInvitation(deps, token);
  return { workspaceName, email, role, hasAccount: (await findUserByEmail(deps.db, email)) !== undefined };
}

export interface Joined {
  readonly userId: string;
  readonly email: string;
  readonly workspaceId: string;
}

/** Makes the account or checks the password of the one there is, and joins. The caller signs in afterwards. */
export async function acceptInvitation(
  deps: Deps,
  from: Omit<Act, "actor">,
  request: AcceptInvitation,
): Promise<Joined> {
  const invitation = await openInvitation(deps, request.token);
  const now = deps.clock.now();
  const known = await findUserByEmail(deps.db, invitation.email);
  const userId = known?.id ?? makeId("user", now, deps.ids.random(10));
  let account: { readonly id: string; readonly name: string; readonly passwordHash: string } | null = null;
  if (known === undefined) {
    if (request.name === undefined) {
      const errors = [{ pointer: "/name", code: "invalid_name", message: "must say what to call you" }] as const;
      throw new AppError("invalid_name", "A new account needs a name.", { errors });
    }
    const id = makeId("user", now, deps.ids.random(10));
    account = { id, name: request.name, passwordHash: await hashPassword(request.password) };
  } else {
    deps.rateLimits.take(`proof of ${userId}`, { max: 10, windowMs: 300_000 });
    const hash = await findPasswordHash(deps.d1, userId);
    if (hash === null || !(await verifyPassword({ hash, password: request.password }))) {
      throw new AppError("wrong_password", "This address has an account, and the password is not its own.");
    }
    await checkCode(deps, from, userId, request.code);
  }
  const { workspaceId, role } = invitation;
  const actor: Actor = { kind: "user", userId, sessionId: "", workspaceId, role, provenUntil: 0 };
  const deed = { verb: "invitation.accepted", target: invitation.id, after: { userId, role } };
  try {
    const results = await commitAct(
      deps,
      { ...from, actor },
      deed,
      acceptStatements(deps.d1, { hash: invitation.hash, userId, now, account }),
    );
    if (results.at(-1)?.meta.changes === 0) {
      throw new AppError("invalid_invitation", "This invitation does not work any more.");
    }
  } catch (cause) {
    if (String(cause).includes("UNIQUE constraint failed: members")) {
      throw new AppError("already_member", "You are a member of this workspace already; sign in.", { cause });
    }
    if (String(cause).includes("UNIQUE constraint failed: user.email")) {
      throw new AppError("version_conflict", "This address has got an account just now; open the link again.", {
        cause,
      });
    }
    throw cause;
  }
  return { userId, email: invitation.email, workspaceId };
}
