/** The second factor of an account: codes of an app, and recovery codes that work once each. */
import { createHash } from "node:crypto";
import type { RecoveryCodes, SecondFactorBegun, SecondFactorView } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { base32, stepOf, totpUri } from "../auth/totp.ts";
import type { Deps } from "../deps.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { findUser } from "../store/accounts.ts";
import { findStanding } from "../store/members.ts";
import {
  beginSecondFactor,
  confirmStatements,
  countCodes,
  findSecondFactor,
  removeStatements,
  replaceCodesStatements,
  useCodeStatement,
  useStep,
} from "../store/second-factors.ts";
import { commitAct, requireProof } from "./account-audit.ts";
import { personOf } from "./person.ts";

const SECRET_BYTES = 20;
const CODES = 10;
/** 80 bits each, so that their plain hashes cannot be searched. */
const CODE_BYTES = 10;
/** A code is one of a million, and three count at a time. */
const PER_ACCOUNT = { max: 10, windowMs: 300_000 };

export async function viewSecondFactor(deps: Deps, userId: string): Promise<SecondFactorView> {
  const enabled = await hasSecondFactor(deps, userId);
  return { enabled, recoveryCodesLeft: enabled ? await countCodes(deps.d1, userId) : 0 };
}

export async function hasSecondFactor(deps: Deps, userId: string): Promise<boolean> {
  const row = await findSecondFactor(deps.d1, userId);
  return row !== null && row.confirmedAt !== null;
}

/** A new secret, which counts once a code of it was given. */
export async function begin(deps: Deps, actor: Actor): Promise<SecondFactorBegun> {
  const { userId } = personOf(actor);
  requireProof(deps, actor);
  const user = await findUser(deps.db, userId);
  const secret = deps.ids.random(SECRET_BYTES);
  const sealed = await deps.sealer.seal(Buffer.from(secret).toString("base64url"));
  if (!(await beginSecondFactor(deps.d1, { userId, secret: sealed, now: deps.clock.now() }))) {
    throw new AppError("version_conflict", "Your account has a second factor already; turn it off first.");
  }
  return { secret: base32(secret), uri: totpUri(user?.email ?? "", secret) };
}

/** Throws `wrong_code`. The answer is the only time the recovery codes are shown. */
export async function confirm(deps: Deps, act: Act, code: string): Promise<RecoveryCodes> {
  const { userId } = personOf(act.actor);
  requireProof(deps, act.actor);
  deps.rateLimits.take(`code of ${userId}`, PER_ACCOUNT);
  const row = await findSecondFactor(deps.d1, userId);
  const step = row === null ? null : await stepOfCode(deps, row.secret, code);
  if (row === null || row.confirmedAt !== null || step === null) {
    throw new AppError("wrong_code", "This is not the code that the app shows now.");
  }
  const codes = makeCodes(deps);
  const factor = { userId, secret: row.secret, step, now: deps.clock.now() };
  const deed = { verb: "account.second_factor_enabled", target: userId };
  const hashes = codes.map((one) => hashCode(userId, one));
  const results = await commitAct(deps, act, deed, confirmStatements(deps.d1, factor, hashes));
  if (results.at(-1)?.meta.changes === 0) {
    throw new AppError("version_conflict", "The second factor was set up elsewhere just now.");
  }
  return { recoveryCodes: codes };
}

/** Those of before work no more. */
export async function renewCodes(deps: Deps, act: Act): Promise<RecoveryCodes> {
  const { userId } = personOf(act.actor);
  requireProof(deps, act.actor);
  if (!(await hasSecondFactor(deps, userId))) {
    throw new AppError("not_found", "Your account has no second factor.");
  }
  const codes = makeCodes(deps);
  const hashes = codes.map((one) => hashCode(userId, one));
  const deed = { verb: "account.recovery_codes_renewed", target: userId };
  await commitAct(deps, act, deed, replaceCodesStatements(deps.d1, userId, hashes));
  return { recoveryCodes: codes };
}

export async function turnOff(deps: Deps, act: Act): Promise<void> {
  const { userId } = personOf(act.actor);
  requireProof(deps, act.actor);
  const deed = { verb: "account.second_factor_disabled", target: userId };
  const results = await commitAct(deps, act, deed, removeStatements(deps.d1, userId));
  if (results.at(-1)?.meta.changes === 0) {
    throw new AppError("not_found", "Your account has no second factor.");
  }
}

/**
 * Takes a code of the app, or a recovery code, for somebody with a second factor. Each works once. Throws
 * `second_factor_required` without one and `wrong_code` for any other.
 */
export async function checkCode(
  deps: Deps,
  from: Omit<Act, "actor">,
  userId: string,
  code: string | undefined,
): Promise<void> {
  const row = await findSecondFactor(deps.d1, userId);
  if (row === null || row.confirmedAt === null) {
    return;
  }
  if (code === undefined) {
    throw new AppError("second_factor_required", "This account has a second factor: give its code too.");
  }
  deps.rateLimits.take(`code of ${userId}`, PER_ACCOUNT);
  const step = await stepOfCode(deps, row.secret, code);
  const isRight =
    step === null ? await useRecoveryCode(deps, from, userId, code) : await useStep(deps.d1, userId, step);
  if (!isRight) {
    deps.authFailures.count("second_factor");
    throw new AppError("wrong_code", "The code is wrong, or was used already.");
  }
}

async function stepOfCode(deps: Deps, sealed: string, code: string): Promise<number | null> {
  const opened = await deps.sealer.open(sealed);
  return opened === null ? null : stepOf(Buffer.from(opened, "base64url"), code.replaceAll(" ", ""), deps.clock.now());
}

async function useRecoveryCode(deps: Deps, from: Omit<Act, "actor">, userId: string, code: string): Promise<boolean> {
  const statement = useCodeStatement(deps.d1, userId, hashCode(userId, code));
  const standing = await findStanding(deps.d1, userId, "");
  if (standing === null) {
    return (await statement.run()).meta.changes > 0;
  }
  const { workspaceId, role } = standing;
  const actor: Actor = { kind: "user", userId, sessionId: "", workspaceId, role, provenUntil: 0 };
  const deed = { verb: "account.recovery_code_used", target: userId };
  const [result] = await commitAct(deps, { ...from, actor }, deed, [statement]);
  return (result?.meta.changes ?? 0) > 0;
}

/** Such as `k7qm-2xpd-w3ja-z5tf`. */
function makeCodes(deps: Deps): string[] {
  return Array.from({ length: CODES }, () => {
    const text = base32(deps.ids.random(CODE_BYTES)).toLowerCase();
    return text.replaceAll(/(.{4})(?!$)/g, "$1-");
  });
}

function hashCode(userId: string, code: string): string {
  const plain = code.toLowerCase().replaceAll(/[^a-z2-7]/g, "");
  return createHash("sha256").update(`cronium-recovery\n${userId}\n${plain}`).digest("hex");
}
