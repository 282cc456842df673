/** What people manage of their own account: where they are signed in, a fresh proof, the password. */
import type { Session } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { hashPassword, verifyPassword } from "../auth/password.ts";
import type { Deps } from "../deps.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import {
  changePasswordStatement,
  endOtherSessionsStatement,
  endSessionStatement,
  findPasswordHash,
  listSessionRows,
  proveSession,
} from "../store/sessions.ts";
import { commitAct } from "./account-audit.ts";
import { type Person, personOf } from "./person.ts";
import { checkCode } from "./second-factor.ts";

/** How long a password counts as given just now, after signing in too. */
export const PROOF_MS = 10 * 60_000;
/** Guesses at one account's password beside signing in. */
const PER_ACCOUNT = { max: 10, windowMs: 300_000 };

export async function listSessions(deps: Deps, actor: Actor): Promise<Session[]> {
  const person = personOf(actor);
  const at = (ms: number): string => new Date(ms).toISOString();
  const rows = await listSessionRows(deps.d1, person.userId, deps.clock.now());
  return rows.map((row) => ({
    id: row.id,
    createdAt: at(row.createdAt),
    lastUsedAt: at(row.updatedAt),
    expiresAt: at(row.expiresAt),
    ipAddress: row.ipAddress === "" ? null : row.ipAddress,
    userAgent: row.userAgent === "" ? null : row.userAgent,
    isCurrent: row.id === person.sessionId,
  }));
}

/** Throws `not_found` for a session of somebody else too. */
export async function endSession(deps: Deps, act: Act, sessionId: string): Promise<void> {
  const person = personOf(act.actor);
  const deed = { verb: "session.ended", target: sessionId };
  const [result] = await commitAct(deps, act, deed, [endSessionStatement(deps.d1, person.userId, sessionId)]);
  if (result?.meta.changes === 0) {
    throw new AppError("not_found", "There is no such session of yours.");
  }
}

export async function endOtherSessions(deps: Deps, act: Act): Promise<{ readonly ended: number }> {
  const person = personOf(act.actor);
  const deed = { verb: "session.others_ended", target: person.userId };
  const [result] = await commitAct(deps, act, deed, [
    endOtherSessionsStatement(deps.d1, person.userId, person.sessionId),
  ]);
  return { ended: result?.meta.changes ?? 0 };
}

/**
 * Answers until when the proof counts, milliseconds since 1970. Throws `wrong_password`, and where the account has a
 * second factor `second_factor_required` or `wrong_code`.
 */
export async function prove(
  deps: Deps,
  act: Act,
  given: { readonly password: string; readonly code?: string | undefined },
): Promise<number> {
  const person = personOf(act.actor);
  await checkPassword(deps, person, given.password);
  await checkCode(deps, act, person.userId, given.code);
  const until = deps.clock.now() + PROOF_MS;
  await proveSession(deps.d1, person.sessionId, until);
  return until;
}

export async function changePassword(
  deps: Deps,
  act: Act,
  change: { readonly current: string; readonly next: string; readonly endOtherSessions: boolean },
): Promise<void> {
  const person = personOf(act.actor);
  const before = await checkPassword(deps, person, change.current);
  const after = await hashPassword(change.next);
  const statement = changePasswordStatement(deps.d1, { userId: person.userId, before, after, now: deps.clock.now() });
  const others = change.endOtherSessions ? [endOtherSessionsStatement(deps.d1, person.userId, person.sessionId)] : [];
  const deed = { verb: "account.password_changed", target: person.userId };
  const results = await commitAct(deps, act, deed, [...others, statement]);
  if (results.at(-1)?.meta.changes === 0) {
    throw new AppError("version_conflict", "The password has just been changed elsewhere.");
  }
}

/** Answers the hash that the password fits. */
async function checkPassword(deps: Deps, person: Person, password: string): Promise<string> {
  deps.rateLimits.take(`proof of ${person.userId}`, PER_ACCOUNT);
  const hash = await findPasswordHash(deps.d1, person.userId);
  if (hash === null || !(await verifyPassword({ hash, password }))) {
    throw new AppError("wrong_password", "The password is wrong.");
  }
  return hash;
}
