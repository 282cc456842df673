/** Members of a workspace and the workspaces of a person: roles, ownership, leaving. */
import type { Member, Workspace } from "@cronium/protocol";
import { mayGrant } from "@cronium/protocol/access";
import { type Role } from "@cronium/protocol/roles";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { countQuotas } from "../domain/count-quota.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { refuseStale } from "../domain/if-match.ts";
import { findWorkspace } from "../store/accounts.ts";
import {
  addWorkspaceStatements,
  changeRoleStatement,
  findMember,
  listMemberRows,
  listWorkspaceRows,
  removeMemberStatement,
  renameWorkspaceStatement,
  transferStatements,
  type MemberRow,
} from "../store/members.ts";
import { activateStatement } from "../store/sessions.ts";
import { quotaFull } from "./outcome.ts";
import { commitAct, requireProof } from "./account-audit.ts";

export async function listMembers(deps: Deps, actor: Actor): Promise<Member[]> {
  const rows = await listMemberRows(deps.d1, actor.workspaceId);
  return rows.map((row) => viewMember(row, actor));
}

function viewMember(row: MemberRow, actor: Actor): Member {
  const { createdAt, ...rest } = row;
  const isYou = actor.kind === "user" && actor.userId === row.userId;
  return { ...rest, joinedAt: new Date(createdAt).toISOString(), isYou };
}

async function memberOf(deps: Deps, actor: Actor, userId: string): Promise<MemberRow> {
  const member = await findMember(deps.d1, actor.workspaceId, userId);
  if (member === null) {
    throw new AppError("not_found", `There is no member ${userId}.`);
  }
  return member;
}

/** Throws `forbidden` for a role beyond one's own, `last_owner`, `proof_required` where owners or administrators change. */
export async function changeRole(
  deps: Deps,
  act: Act,
  userId: string,
  { role, ifVersion }: { readonly role: Role; readonly ifVersion: number | null },
): Promise<Member> {
  const { actor } = act;
  const member = await memberOf(deps, actor, userId);
  refuseStale(ifVersion, member.version, "The member");
  checkGrant(deps, actor, member.role, role);
  if (member.role !== role) {
    const change = { workspaceId: actor.workspaceId, userId, version: member.version, after: role };
    const deed = { verb: "member.role_changed", target: userId, before: member.role, after: role };
    const [result] = await commitAct(deps, act, deed, [changeRoleStatement(deps.d1, change)]);
    if (result?.meta.changes === 0) {
      throw lastOwner(member);
    }
    return viewMember({ ...member, role, version: member.version + 1 }, actor);
  }
  return viewMember(member, actor);
}

/** Also oneself: leaving needs no permission of its own. */
export async function removeMember(
  deps: Deps,
  act: Act,
  userId: string,
  ifVersion: number | null = null,
): Promise<void> {
  const { actor } = act;
  const member = await memberOf(deps, actor, userId);
  refuseStale(ifVersion, member.version, "The member");
  const isSelf = actor.kind === "user" && actor.userId === userId;
  if (!isSelf) {
    checkGrant(deps, actor, member.role, member.role);
  }
  const deed = { verb: isSelf ? "member.left" : "member.removed", target: userId, before: member.role };
  const [result] = await commitAct(deps, act, deed, [
    removeMemberStatement(deps.d1, { workspaceId: actor.workspaceId, userId, version: member.version }),
  ]);
  if (result?.meta.changes === 0) {
    throw lastOwner(member);
  }
}

/** Whoever grants or takes away a role holds more than it; owners and administrators need a fresh proof. */
function checkGrant(deps: Deps, actor: Actor, before: Role, after: Role): void {
  for (const role of [before, after]) {
    if (!mayGrant(actor.role, role)) {
      throw new AppError("forbidden", `The role "${actor.role}" may not decide about the role "${role}".`);
    }
  }
  if ([before, after].some((role) => role === "owner" || role === "admin")) {
    requireProof(deps, actor);
  }
}

function lastOwner(member: MemberRow): AppError {
  return member.role === "owner"
    ? new AppError("last_owner", `${member.name} is the only owner of this workspace.`)
    : new AppError("version_conflict", `The role of ${member.name} has just been changed by somebody else.`);
}

/** The caller becomes administrator and the other owner, at once or not at all. */
export async function transferOwnership(deps: Deps, act: Act, userId: string): Promise<void> {
  const { actor } = act;
  const member = await memberOf(deps, actor, userId);
  if (actor.kind !== "user" || actor.role !== "owner") {
    throw new AppError("forbidden", "Only an owner who is signed in can hand over ownership.");
  }
  if (userId === actor.userId) {
    throw new AppError("invalid_value", "You are an owner already.", {
      errors: [{ pointer: "/userId", code: "invalid_value", message: "must be another member" }],
    });
  }
  requireProof(deps, actor);
  const transfer = { workspaceId: actor.workspaceId, from: actor.userId, to: userId };
  const deed = { verb: "workspace.ownership_transferred", target: userId, before: member.role, after: "owner" };
  const results = await commitAct(deps, act, deed, transferStatements(deps.d1, transfer));
  if (results[1]?.meta.changes === 0) {
    throw new AppError("version_conflict", "Ownership has just been changed by somebody else.");
  }
}

export async function listWorkspaces(deps: Deps, actor: Actor): Promise<Workspace[]> {
  if (actor.kind === "user") {
    const rows = await listWorkspaceRows(deps.d1, actor.userId);
    return rows.map((row) => ({ ...row, isActive: row.id === actor.workspaceId }));
  }
  const workspace = await findWorkspace(deps.db, actor.workspaceId);
  return workspace === undefined
    ? []
    : [{ id: workspace.id, name: workspace.name, role: actor.role, version: workspace.version, isActive: true }];
}

/** The caller owns it, and looks at it from now on. Not where accounts come from the claim link alone. */
export async function createWorkspace(deps: Deps, act: Act, name: string): Promise<Workspace> {
  const { actor } = act;
  if (actor.kind !== "user") {
    throw new AppError("forbidden", "Workspaces belong to people; sign in to make one.");
  }
  if (deps.config.registration === "closed") {
    throw new AppError("forbidden", "This installation is closed: it has one workspace.");
  }
  const now = deps.clock.now();
  const id = makeId("workspace", now, deps.ids.random(10));
  const deed = { verb: "workspace.created", target: id, after: name };
  const results = await commitAct(
    deps,
    act,
    deed,
    [
      ...addWorkspaceStatements(deps.d1, { id, name, ownerId: actor.userId, now }, countQuotas.workspaces.limit),
      activateStatement(deps.d1, actor.sessionId, actor.userId, id),
    ],
    id,
  );
  if (results[0]?.meta.changes === 0) {
    throw quotaFull("workspaces");
  }
  return { id, name, role: "owner", version: 1, isActive: true };
}

/** Throws `version_conflict` when it is another one than `ifVersion`, or somebody else renames it just now. */
export async function renameWorkspace(
  deps: Deps,
  act: Act,
  { name, ifVersion }: { readonly name: string; readonly ifVersion: number | null },
): Promise<Workspace> {
  const { actor } = act;
  const workspace = await findWorkspace(deps.db, actor.workspaceId);
  if (workspace === undefined) {
    throw new AppError("not_found", "The workspace of this login no longer exists.");
  }
  refuseStale(ifVersion, workspace.version, "The workspace");
  let { version } = workspace;
  if (workspace.name !== name) {
    const rename = { workspaceId: workspace.id, version, after: name };
    const deed = { verb: "workspace.renamed", target: workspace.id, before: workspace.name, after: name };
    const [result] = await commitAct(deps, act, deed, [renameWorkspaceStatement(deps.d1, rename)]);
    if (result?.meta.changes === 0) {
      throw new AppError("version_conflict", "The workspace has just been renamed by somebody else.");
    }
    version += 1;
  }
  return { id: workspace.id, name, role: actor.role, version, isActive: true };
}

/** What this session looks at from now on. Throws `not_found` for a workspace that the caller does not belong to. */
export async function activateWorkspace(deps: Deps, actor: Actor, workspaceId: string): Promise<Workspace> {
  if (actor.kind !== "user") {
    throw new AppError("forbidden", "An API key belongs to one workspace.");
  }
  const rows = await listWorkspaceRows(deps.d1, actor.userId);
  const found = rows.find((row) => row.id === workspaceId);
  if (found === undefined) {
    throw new AppError("not_found", `There is no workspace ${workspaceId}.`);
  }
  await activateStatement(deps.d1, actor.sessionId, actor.userId, workspaceId).run();
  return { ...found, isActive: true };
}
