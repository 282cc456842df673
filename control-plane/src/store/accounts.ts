/** D1: people, workspaces, memberships and claim links. */
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { and, asc, eq, isNull } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { account, claimTokens, session, user, verification } from "./schema/accounts.ts";
import { members, workspaces } from "./schema/workspaces.ts";

/** The tables of better-auth, for it to read and write. */
export function sessionTables(db: DrizzleD1Database) {
  return drizzleAdapter(db, {
    provider: "sqlite",
    schema: { user, session, account, verification },
  });
}

export function findUser(db: DrizzleD1Database, userId: string) {
  const fields = { id: user.id, name: user.name, email: user.email, emailConfirmed: user.emailVerified };
  return db.select(fields).from(user).where(eq(user.id, userId)).get();
}

/** By the address in lower case. */
export function findUserByEmail(db: DrizzleD1Database, email: string) {
  return db.select({ id: user.id, name: user.name, email: user.email }).from(user).where(eq(user.email, email)).get();
}

export function findWorkspace(db: DrizzleD1Database, workspaceId: string) {
  return db.select().from(workspaces).where(eq(workspaces.id, workspaceId)).get();
}

/** The oldest workspace; an installation that the launcher sets up begins with one. */
export function findFirstWorkspace(db: DrizzleD1Database) {
  const { createdAt, deletingAt } = workspaces;
  return db.select().from(workspaces).where(isNull(deletingAt)).orderBy(asc(createdAt)).limit(1).get();
}

/** The one that the installation was set up with; undefined once it is deleted, and hosted. */
export function findHomeWorkspace(db: DrizzleD1Database) {
  return db.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.isHome, true)).limit(1).get();
}

export async function listWorkspaceIds(db: DrizzleD1Database): Promise<string[]> {
  const rows = await db.select({ id: workspaces.id }).from(workspaces).where(isNull(workspaces.deletingAt)).all();
  return rows.map((row) => row.id);
}

export async function insertWorkspace(
  db: DrizzleD1Database,
  workspace: { readonly id: string; readonly name: string; readonly createdAt: number; readonly isHome: boolean },
): Promise<void> {
  await db.insert(workspaces).values(workspace);
}

export async function hasOwner(db: DrizzleD1Database, workspaceId: string): Promise<boolean> {
  const row = await db
    .select({ userId: members.userId })
    .from(members)
    .where(and(eq(members.workspaceId, workspaceId), eq(members.role, "owner")))
    .limit(1)
    .get();
  return row !== undefined;
}

/** Makes this the workspace's only claim link. */
export async function replaceClaimToken(
  db: DrizzleD1Database,
  token: { readonly hash: string; readonly workspaceId: string; readonly createdAt: number },
): Promise<void> {
  await db.batch([
    db.delete(claimTokens).where(eq(claimTokens.workspaceId, token.workspaceId)),
    db.insert(claimTokens).values(token),
  ]);
}

export interface NewOwner {
  readonly userId: string;
  readonly accountId: string;
  readonly name: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly now: number;
}

/**
 * Makes the owner account and uses the claim link up, in one transaction: each statement takes effect only while the
 * link is there, and the last one removes it. Answers the workspace, or null when there is no such link.
 * Rejects with a UNIQUE error when the address belongs to another account.
 */
export async function claimWorkspace(d1: D1Database, tokenHash: string, owner: NewOwner): Promise<string | null> {
  const results = await d1.batch<{ workspace_id: string }>([
    d1
      .prepare(
        `INSERT INTO "user" (id, name, email, email_verified, created_at, updated_at)
         SELECT ?2, ?3, ?4, 0, ?5, ?5 FROM claim_tokens WHERE hash = ?1`,
      )
      .bind(tokenHash, owner.userId, owner.name, owner.email, owner.now),
    d1
      .prepare(
        `INSERT INTO account (id, account_id, provider_id, user_id, password, created_at, updated_at)
         SELECT ?2, ?3, 'credential', ?3, ?4, ?5, ?5 FROM claim_tokens WHERE hash = ?1`,
      )
      .bind(tokenHash, owner.accountId, owner.userId, owner.passwordHash, owner.now),
    d1
      .prepare(
        `INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT workspace_id, ?2, 'owner', ?3 FROM claim_tokens WHERE hash = ?1`,
      )
      .bind(tokenHash, owner.userId, owner.now),
    d1.prepare("DELETE FROM claim_tokens WHERE hash = ?1 RETURNING workspace_id").bind(tokenHash),
  ]);
  return results[3]?.results[0]?.workspace_id ?? null;
}
