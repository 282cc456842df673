/** Passkeys: made, listed and removed by their person, and signing in with one. */
import type { NewPasskey, Passkey, PasskeyAssertion, PasskeyOptions } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import {
  challengeIn,
  creationOptions,
  PasskeyError,
  relyingParty,
  requestOptions,
  type StoredPasskey,
  verifyCreation,
  verifyUse,
} from "../auth/passkeys.ts";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { countQuotas } from "../domain/count-quota.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { findUser } from "../store/accounts.ts";
import { findStanding } from "../store/members.ts";
import {
  deletePasskeyStatement,
  findPasskey,
  insertPasskeyChallenge,
  insertPasskeyStatement,
  listPasskeyRows,
  notePasskeyFailureStatement,
  type PasskeyRow,
  takePasskeyChallenge,
  usePasskey,
} from "../store/passkeys.ts";
import { quotaFull, refuseMore } from "./outcome.ts";
import { commitAct, requireProof } from "./account-audit.ts";
import { personOf } from "./person.ts";
import { openSession, type SignedIn, type Visitor } from "./sign-in.ts";

const CHALLENGE_MS = 5 * 60_000;

export async function listPasskeys(deps: Deps, actor: Actor): Promise<Passkey[]> {
  return (await listPasskeyRows(deps.d1, personOf(actor).userId)).map(viewPasskey);
}

function viewPasskey(row: PasskeyRow): Passkey {
  const at = (ms: number): string => new Date(ms).toISOString();
  const lastUsedAt = row.lastUsedAt === null ? null : at(row.lastUsedAt);
  return { id: row.id, name: row.name, createdAt: at(row.createdAt), lastUsedAt };
}

function stored(row: PasskeyRow): StoredPasskey {
  return { ...row, transports: JSON.parse(row.transports) as string[] };
}

/** `PublicKeyCredentialCreationOptionsJSON` of WebAuthn. Throws `proof_required`. */
export async function beginPasskey(deps: Deps, actor: Actor, origin: string): Promise<PasskeyOptions> {
  const { userId } = personOf(actor);
  requireProof(deps, actor);
  const rows = await listPasskeyRows(deps.d1, userId);
  refuseMore("passkeys", rows.length);
  const user = await findUser(deps.db, userId);
  if (user === undefined) {
    throw new AppError("not_found", "Your account no longer exists.");
  }
  const options = await creationOptions(relyingParty(origin), user, rows.map(stored));
  await keepChallenge(deps, options.challenge, userId);
  return { ...options };
}

/** `PublicKeyCredentialRequestOptionsJSON` of WebAuthn. */
export async function beginPasskeySignIn(deps: Deps, origin: string): Promise<PasskeyOptions> {
  const options = await requestOptions(relyingParty(origin));
  await keepChallenge(deps, options.challenge, null);
  return { ...options };
}

async function keepChallenge(deps: Deps, challenge: string, userId: string | null): Promise<void> {
  const now = deps.clock.now();
  const hash = await hashToken(challenge);
  await insertPasskeyChallenge(deps.d1, { hash, userId, now, expiresAt: now + CHALLENGE_MS });
}

async function takeChallenge(deps: Deps, clientDataJson: string, userId: string | null): Promise<string> {
  const challenge = challengeIn(clientDataJson);
  const isKnown =
    challenge !== null && (await takePasskeyChallenge(deps.d1, await hashToken(challenge), userId, deps.clock.now()));
  if (!isKnown) {
    throw new PasskeyError("its challenge is unknown, expired or was met before");
  }
  return challenge;
}

const failed = (cause?: unknown): AppError =>
  new AppError("passkey_failed", "This passkey does not work here.", { cause });

/** Throws `passkey_failed`. */
export async function addPasskey(deps: Deps, act: Act, origin: string, request: NewPasskey): Promise<Passkey> {
  const { userId } = personOf(act.actor);
  requireProof(deps, act.actor);
  const { name, credential } = request;
  try {
    const challenge = await takeChallenge(deps, credential.response.clientDataJSON, userId);
    const made = await verifyCreation(relyingParty(origin), challenge, credential);
    const { id, publicKey, counter } = made;
    const createdAt = deps.clock.now();
    const row = { id, userId, name, publicKey, counter, transports: JSON.stringify(made.transports), createdAt };
    const deed = { verb: "account.passkey_added", target: userId, after: { passkey: id, name } };
    const [added] = await commitAct(deps, act, deed, [
      insertPasskeyStatement(deps.d1, row, countQuotas.passkeys.limit),
    ]);
    if (added?.meta.changes === 0) {
      throw quotaFull("passkeys");
    }
    return viewPasskey({ ...row, lastUsedAt: null });
  } catch (cause) {
    if (cause instanceof PasskeyError || String(cause).includes("UNIQUE constraint failed: passkeys")) {
      deps.log.warn("passkey.refused", { userId, why: cause instanceof Error ? cause.message : "" });
      throw failed(cause);
    }
    throw cause;
  }
}

export async function removePasskey(deps: Deps, act: Act, id: string): Promise<void> {
  const { userId } = personOf(act.actor);
  requireProof(deps, act.actor);
  const deed = { verb: "account.passkey_removed", target: userId, before: { passkey: id } };
  const [result] = await commitAct(deps, act, deed, [deletePasskeyStatement(deps.d1, userId, id)]);
  if (result?.meta.changes === 0) {
    throw new AppError("not_found", "You have no such passkey.");
  }
}

/**
 * A passkey that was unlocked by PIN, finger or face is both factors at once. Throws one and the same `passkey_failed`;
 * the reason is in the audit of the person whose passkey it names, and in the log.
 */
export async function signInByPasskey(
  deps: Deps,
  visitor: Visitor,
  from: Omit<Act, "actor">,
  assertion: PasskeyAssertion,
): Promise<SignedIn> {
  const row = await findPasskey(deps.d1, assertion.id);
  try {
    const challenge = await takeChallenge(deps, assertion.response.clientDataJSON, null);
    if (row === null) {
      throw new PasskeyError("nobody here has this passkey");
    }
    const { userHandle } = assertion.response;
    if (userHandle !== undefined && Buffer.from(userHandle, "base64url").toString() !== row.userId) {
      throw new PasskeyError("it names another person than the one whose it is");
    }
    const counter = await verifyUse(relyingParty(visitor.origin), challenge, assertion, stored(row));
    if (!(await usePasskey(deps.d1, { id: row.id, counter, now: deps.clock.now() }))) {
      throw new PasskeyError("its counter did not grow");
    }
    const user = await findUser(deps.db, row.userId);
    if (user === undefined) {
      throw new PasskeyError("its person is gone");
    }
    const { id, name, email } = user;
    return { user: { id, name, email }, issued: await openSession(deps, visitor, id) };
  } catch (cause) {
    if (!(cause instanceof PasskeyError)) {
      throw cause;
    }
    deps.authFailures.count("passkey");
    deps.log.warn("passkey.refused", { userId: row?.userId ?? null, why: cause.message });
    await writeDown(deps, from, row, cause.message);
    throw failed(cause);
  }
}

async function writeDown(deps: Deps, from: Omit<Act, "actor">, row: PasskeyRow | null, why: string): Promise<void> {
  const standing = row === null ? null : await findStanding(deps.d1, row.userId, "");
  if (row === null || standing === null) {
    return;
  }
  const { workspaceId, role } = standing;
  const actor: Actor = { kind: "user", userId: row.userId, sessionId: "", workspaceId, role, provenUntil: 0 };
  const deed = { verb: "account.passkey_refused", target: row.userId, after: { passkey: row.id, why } };
  await commitAct(deps, { ...from, actor }, deed, [notePasskeyFailureStatement(deps.d1, row.id, deps.clock.now())]);
}
