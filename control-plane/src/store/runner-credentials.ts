/** D1: which public key speaks for which runner. */
import { eq } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { runnerCredentials } from "./schema.ts";

export type RunnerCredential = typeof runnerCredentials.$inferSelect;

export function findRunnerCredential(db: DrizzleD1Database, runnerId: string): Promise<RunnerCredential | undefined> {
  return db.select().from(runnerCredentials).where(eq(runnerCredentials.runnerId, runnerId)).get();
}

export interface Enrolment {
  readonly tokenHash: string;
  /** Id for a new runner; one that is replaced keeps its own. */
  readonly runnerId: string;
  readonly name: string;
  readonly publicKey: string;
  readonly replace: boolean;
  readonly now: number;
}

export interface Enrolled {
  readonly runnerId: string;
  readonly workspaceId: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Uses a registration token up and stores the runner's key, in one transaction. The insert reads the token while it is
 * still unused; the update then marks it. Of two requests with one token the second finds nothing to insert.
 *
 * Null when the token is unknown, used or expired. Rejects with a UNIQUE error, and leaves the token unused, when the
 * name is taken and `replace` is false.
 */
export async function enrolRunner(d1: D1Database, enrolment: Enrolment): Promise<Enrolled | null> {
  const onTakenName = enrolment.replace
    ? `ON CONFLICT (workspace_id, name) DO UPDATE SET public_key = excluded.public_key`
    : "";
  const results = await d1.batch<{ runner_id: string; workspace_id: string; labels: string }>([
    d1
      .prepare(
        `INSERT INTO runner_credentials (runner_id, workspace_id, name, public_key, created_at)
         SELECT ?2, workspace_id, ?3, ?4, ?5 FROM registration_tokens
         WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?5 ${onTakenName}`,
      )
      .bind(enrolment.tokenHash, enrolment.runnerId, enrolment.name, enrolment.publicKey, enrolment.now),
    d1
      .prepare(
        `UPDATE registration_tokens SET used_at = ?3, runner_id =
           (SELECT runner_id FROM runner_credentials AS credential
            WHERE credential.workspace_id = registration_tokens.workspace_id AND credential.name = ?2)
         WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?3
         RETURNING runner_id, workspace_id, labels`,
      )
      .bind(enrolment.tokenHash, enrolment.name, enrolment.now),
  ]);
  const row = results[1]?.results[0];
  return row === undefined
    ? null
    : {
        runnerId: row.runner_id,
        workspaceId: row.workspace_id,
        labels: JSON.parse(row.labels) as Record<string, string>,
      };
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
