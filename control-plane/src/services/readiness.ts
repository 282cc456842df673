/** Whether this installation can do its work right now, and what is in the way. */
import { selfTest } from "../auth/master-keys.ts";
import type { Deps } from "../deps.ts";
import { findFirstWorkspace } from "../store/accounts.ts";
import { missingMigrations } from "./migrations.ts";

export interface Readiness {
  readonly ready: boolean;
  /** One sentence for each part that does not work. */
  readonly reasons: readonly string[];
}

/** Asks D1, the encryption of secrets, the list of migrations and one Dispatcher. Never rejects. */
export async function checkReadiness(deps: Deps): Promise<Readiness> {
  const reasons: string[] = [];
  const broken = selfTest(deps.config.secretKeys);
  if (broken !== null) {
    reasons.push(`Secrets cannot be encrypted. ${broken}`);
  }
  try {
    const missing = await missingMigrations(deps);
    if (missing.length > 0) {
      reasons.push(`The database lacks the migrations ${missing.join(", ")}.`);
    } else {
      const workspace = await findFirstWorkspace(deps.db);
      // Without a workspace yet, any object proves that objects can store.
      await deps
        .dispatcherFor(workspace?.id ?? "ready-check")
        .check()
        .then(({ missingKeys }) => {
          if (missingKeys.length > 0) {
            reasons.push(
              `Secrets are encrypted under master keys that are not configured: ${missingKeys.join(", ")}. Add them to SECRETS_OLD_KEYS.`,
            );
          }
        })
        .catch((error: unknown) => {
          reasons.push("The Dispatcher does not answer.");
          deps.log.error("ready.dispatcher_failed", { error: String(error) });
        });
    }
  } catch (error) {
    reasons.push("The database does not answer.");
    deps.log.error("ready.database_failed", { error: String(error) });
  }
  return { ready: reasons.length === 0, reasons };
}
