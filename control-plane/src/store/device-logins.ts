/** D1: programs that wait for a person to let them in, and how often a person mistyped their codes. */
import { and, eq, gt, lt, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Role } from "@cronium/protocol/roles";
import { deviceGuesses, deviceLogins } from "./schema/credentials.ts";
import { members } from "./schema/workspaces.ts";

export type DeviceLoginRow = typeof deviceLogins.$inferSelect;

/** Stores a new one, and forgets those that ended before `forgetBefore`; indexes `device_logins_*`. */
export async function insertDeviceLogin(
  db: DrizzleD1Database,
  row: Pick<
    DeviceLoginRow,
    "deviceHash" | "userCodeHash" | "deviceName" | "address" | "askedRole" | "createdAt" | "expiresAt" | "intervalMs"
  >,
  forgetBefore: number,
): Promise<void> {
  await db.batch([
    db.delete(deviceLogins).where(lt(deviceLogins.expiresAt, forgetBefore)),
    db.insert(deviceLogins).values({ ...row, state: "pending" }),
  ]);
}

export function findDeviceLogin(db: DrizzleD1Database, deviceHash: string): Promise<DeviceLoginRow | undefined> {
  return db.select().from(deviceLogins).where(eq(deviceLogins.deviceHash, deviceHash)).get();
}

export async function notePoll(
  db: DrizzleD1Database,
  deviceHash: string,
  poll: { readonly polledAt: number; readonly intervalMs: number },
): Promise<void> {
  await db.update(deviceLogins).set(poll).where(eq(deviceLogins.deviceHash, deviceHash));
}

const isOpen = (userCodeHash: string, now: number) =>
  and(eq(deviceLogins.userCodeHash, userCodeHash), eq(deviceLogins.state, "pending"), gt(deviceLogins.expiresAt, now));

/** One that still waits; index `device_logins_user_code`. */
export function findOpenDeviceLogin(
  db: DrizzleD1Database,
  userCodeHash: string,
  now: number,
): Promise<DeviceLoginRow | undefined> {
  return db.select().from(deviceLogins).where(isOpen(userCodeHash, now)).get();
}

export type Decision =
  | { readonly state: "denied" }
  | {
      readonly state: "approved";
      readonly workspaceId: string;
      readonly userId: string;
      readonly role: Role;
      readonly keyLifeMs: number;
    };

/** Of several decisions at the same time one wins; the others change nothing. */
export function decideDeviceLoginStatement(
  d1: D1Database,
  userCodeHash: string,
  decision: Decision,
  now: number,
): D1PreparedStatement {
  const to = decision.state === "approved" ? decision : null;
  return d1
    .prepare(
      `UPDATE device_logins SET state = ?3, workspace_id = ?4, user_id = ?5, role = ?6, key_life_ms = ?7
       WHERE user_code_hash = ?1 AND state = 'pending' AND expires_at > ?2`,
    )
    .bind(
      userCodeHash,
      now,
      decision.state,
      to?.workspaceId ?? null,
      to?.userId ?? null,
      to?.role ?? null,
      to?.keyLifeMs ?? null,
    );
}

export interface NewDeviceKey {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly role: Role;
  readonly now: number;
  readonly expiresAt: number;
}

/**
 * Makes the key and uses the login up, in one transaction: the key is inserted only while the login is approved, and
 * the last statement ends that. It changes nothing when another poll was faster.
 */
export function redeemStatements(d1: D1Database, deviceHash: string, key: NewDeviceKey): D1PreparedStatement[] {
  return [
    d1
      .prepare(
        `INSERT INTO api_keys (id, workspace_id, name, hash, role, created_at, expires_at, owner_id, created_by)
         SELECT ?2, workspace_id, ?3, ?4, ?5, ?6, ?7, user_id, user_id FROM device_logins
         WHERE device_hash = ?1 AND state = 'approved' AND expires_at > ?6`,
      )
      .bind(deviceHash, key.id, key.name, key.hash, key.role, key.now, key.expiresAt),
    d1
      .prepare(
        `UPDATE device_logins SET state = 'used'
         WHERE device_hash = ?1 AND state = 'approved' AND expires_at > ?2`,
      )
      .bind(deviceHash, key.now),
  ];
}

/** The role that a person has in a workspace now. */
export async function findRole(db: DrizzleD1Database, workspaceId: string, userId: string): Promise<Role | undefined> {
  const row = await db
    .select({ role: members.role })
    .from(members)
    .where(and(eq(members.workspaceId, workspaceId), eq(members.userId, userId)))
    .get();
  return row?.role as Role | undefined;
}

/** Counts one try, in one statement, so that tries at the same time cannot pass each other. Answers the window's count. */
export async function takeGuess(
  db: DrizzleD1Database,
  userId: string,
  now: number,
  windowMs: number,
): Promise<{ readonly wrong: number; readonly since: number }> {
  const isOver = sql`${deviceGuesses.since} <= ${now - windowMs}`;
  const row = await db
    .insert(deviceGuesses)
    .values({ userId, wrong: 1, since: now })
    .onConflictDoUpdate({
      target: deviceGuesses.userId,
      set: {
        wrong: sql`CASE WHEN ${isOver} THEN 1 ELSE ${deviceGuesses.wrong} + 1 END`,
        since: sql`CASE WHEN ${isOver} THEN ${now} ELSE ${deviceGuesses.since} END`,
      },
    })
    .returning({ wrong: deviceGuesses.wrong, since: deviceGuesses.since })
    .get();
  return row;
}

/** The try was no wrong one after all. */
export async function giveGuessBack(db: DrizzleD1Database, userId: string): Promise<void> {
  await db
    .update(deviceGuesses)
    .set({ wrong: sql`${deviceGuesses.wrong} - 1` })
    .where(and(eq(deviceGuesses.userId, userId), gt(deviceGuesses.wrong, 0)));
}
