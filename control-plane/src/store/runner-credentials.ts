/** D1: which public key speaks for which runner. */
import { eq } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { USABLE } from "./registration-tokens.ts";
import { runnerCredentials } from "./schema/credentials.ts";

export type RunnerCredential = typeof runnerCredentials.$inferSelect;

export function findRunnerCredential(db: DrizzleD1Database, runnerId: string): Promise<RunnerCredential | undefined> {
  return db.select().from(runnerCredentials).where(eq(runnerCredentials.runnerId, runnerId)).get();
}

/** The runner that has this name now; null when nobody has. Index `runner_credentials_name`. */
export async function findRunnerIdByName(d1: D1Database, workspaceId: string, name: string): Promise<string | null> {
  const row = await d1
    .prepare("SELECT runner_id FROM runner_credentials WHERE workspace_id = ? AND name = ?")
    .bind(workspaceId, name)
    .first<{ runner_id: string }>();
  return row?.runner_id ?? null;
}

export interface Enrolment {
  readonly tokenHash: string;
  /** A new id, or with `replace` that of the runner which has the name. */
  readonly runnerId: string;
  readonly name: string;
  readonly publicKey: string;
  readonly replace: boolean;
  readonly now: number;
}

/**
 * Uses a registration token once and stores the runner's key. The insert reads the token while it is still usable; the
 * update then counts the use. Of two requests with the last use of a token the second finds nothing to insert, and its
 * update changes nothing; so does that of one whose name has gone to another runner since it was looked up.
 *
 * Rejects with a UNIQUE error, and leaves the token as it was, when the name is taken and `replace` is false.
 */
export function enrolStatements(d1: D1Database, enrolment: Enrolment): D1PreparedStatement[] {
  const { tokenHash, now, runnerId, name, publicKey, replace } = enrolment;
  const onTakenName = replace
    ? `ON CONFLICT (workspace_id, name) DO UPDATE SET public_key = excluded.public_key
       WHERE runner_credentials.runner_id = excluded.runner_id`
    : "";
  return [
    d1
      .prepare(
        `INSERT INTO runner_credentials (runner_id, workspace_id, name, public_key, created_at)
         SELECT ?3, workspace_id, ?4, ?5, ?2 FROM registration_tokens WHERE ${USABLE} ${onTakenName}`,
      )
      .bind(tokenHash, now, runnerId, name, publicKey),
    d1
      .prepare(
        `UPDATE registration_tokens SET uses = uses + 1, used_at = ?2, runner_id = ?3
         WHERE ${USABLE}
           AND EXISTS (SELECT 1 FROM runner_credentials WHERE runner_id = ?3 AND public_key = ?4)`,
      )
      .bind(tokenHash, now, runnerId, publicKey),
  ];
}

/**
 * The key speaks for nobody from now on, and the name is free for another machine. Changes nothing where this workspace
 * has no such runner, or it is revoked already. Primary key.
 */
export function revokeCredentialStatement(
  d1: D1Database,
  { workspaceId, runnerId, now }: { readonly workspaceId: string; readonly runnerId: string; readonly now: number },
): D1PreparedStatement {
  return d1
    .prepare(
      // No machine can have a name with a colon.
      `UPDATE runner_credentials SET revoked_at = ?3, name = 'revoked:' || runner_id
       WHERE runner_id = ?1 AND workspace_id = ?2 AND revoked_at IS NULL`,
    )
    .bind(runnerId, workspaceId, now);
}
