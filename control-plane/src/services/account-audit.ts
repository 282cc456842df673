/** Acts on people, keys and tokens: done and written down in one transaction. Read in `audit.ts`. */
import { AppError } from "@cronium/protocol/errors";
import { EXPIRED, nextLink } from "../auth/audit-chain.ts";
import type { Deps } from "../deps.ts";
import { entryText, stampOf, systemStamp, type Act, type Deed, type Stamp, type TokenAct } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { ACCOUNTS } from "../domain/audit.ts";
import { auditStatement, deleteAuditStatement, lastAuditRow, lastExpiredRow } from "../store/account-audit.ts";

/**
 * Others may write to the same chain at the same moment, and of each round one wins: each try reads the end anew, after
 * a wait that spreads those who lost.
 */
const TRIES = 50;
const LONGEST_WAIT_MS = 100;

/**
 * Runs the statements and their audit entry as one transaction. The last statement decides: where it changes nothing,
 * nothing is written down. Answers the results of the statements.
 */
export async function commitAct<Row>(
  deps: Pick<Deps, "d1" | "clock">,
  act: Act | TokenAct,
  deed: Deed,
  statements: readonly D1PreparedStatement[],
  workspaceId: string = act.actor.workspaceId,
): Promise<D1Result<Row>[]> {
  return commitEntry(deps, stampOf(act), deed, { workspaceId, statements });
}

/** As `commitAct`, where no request carries who acts. */
export async function commitEntry<Row>(
  { d1, clock }: Pick<Deps, "d1" | "clock">,
  stamp: Stamp,
  deed: Deed,
  { workspaceId, statements }: { readonly workspaceId: string; readonly statements: readonly D1PreparedStatement[] },
): Promise<D1Result<Row>[]> {
  const at = clock.now();
  const entry = entryText(at, stamp, deed);
  for (let attempt = 1; ; attempt += 1) {
    const row = { ...nextLink(workspaceId, await lastAuditRow(d1, workspaceId), entry), at };
    try {
      const results = await d1.batch<Row>([...statements, auditStatement(d1, workspaceId, row)]);
      return results.slice(0, -1);
    } catch (cause) {
      if (!String(cause).includes("UNIQUE constraint failed: account_audit")) {
        throw cause;
      }
      if (attempt === TRIES) {
        throw new AppError("not_available", "Too much is written to the audit of this workspace at once; try again.", {
          cause,
          context: { retryAfterSeconds: 1 },
        });
      }
      await pause(Math.min(LONGEST_WAIT_MS, attempt * 5));
    }
  }
}

/** A random part of `longestMs`. */
function pause(longestMs: number): Promise<void> {
  const [part = 0] = crypto.getRandomValues(new Uint8Array(1));
  return new Promise((resolve) => setTimeout(resolve, (part / 255) * longestMs));
}

/** Lets go of entries from before `cutoff`, and writes down up to where. Whether there were any. */
export async function expireAccountAudit(
  deps: Pick<Deps, "d1" | "clock">,
  workspaceId: string,
  cutoff: number,
): Promise<boolean> {
  const last = await lastExpiredRow(deps.d1, workspaceId, { cutoff, keep: EXPIRED });
  if (last === null) {
    return false;
  }
  const deed = { verb: EXPIRED, target: ACCOUNTS, before: { seq: last.seq, hash: last.hash } };
  await commitEntry(deps, systemStamp("retention"), deed, {
    workspaceId,
    statements: [deleteAuditStatement(deps.d1, workspaceId, last.seq)],
  });
  return true;
}

/** Throws `proof_required` for a session whose user has not given the password lately. Keys are proof by themselves. */
export function requireProof(deps: Pick<Deps, "clock">, actor: Actor): void {
  if (actor.kind === "user" && actor.provenUntil <= deps.clock.now()) {
    throw new AppError("proof_required", "This needs your password once more; it was last given a while ago.");
  }
}
