/** The one place that decides who gets a session, whatever they prove themselves with. */
import type { FinishSignIn, SignedInUser, SignInOptions, SignInWaits } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { hashPassword, verifyPassword } from "../auth/password.ts";
import type { Issued } from "../auth/sessions.ts";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Act } from "../domain/act.ts";
import { findUser, findUserByEmail } from "../store/accounts.ts";
import { endChallenge, insertChallenge, tryChallenge } from "../store/second-factors.ts";
import { findPasswordHash } from "../store/sessions.ts";
import { checkCode, hasSecondFactor } from "./second-factor.ts";

/** The browser that signs in. */
export interface Visitor {
  /** Origin of this installation. */
  readonly origin: string;
  readonly headers: Headers;
  readonly ip: string | null;
  readonly remember?: boolean | undefined;
}

type User = SignedInUser["user"];

export interface SignedIn {
  readonly user: User;
  readonly issued: Issued;
}

const CHALLENGE_MS = 5 * 60_000;
const CHALLENGE_TRIES = 5;

export function signInOptions({ config, mailer, providers }: Deps): SignInOptions {
  return {
    registration: config.registration,
    mail: mailer?.sends === true,
    providers: providers.map(({ id, name }) => ({ id, name })),
  };
}

/** Checked where there is no account, so that its absence takes as long as a wrong password. */
let nobodysHash: Promise<string> | undefined;

/**
 * A session, or the wait for a second factor. Throws one and the same `unauthorized` for an unknown address and a wrong
 * password.
 */
export async function signInByPassword(
  deps: Deps,
  visitor: Visitor,
  credential: { readonly email: string; readonly password: string },
): Promise<SignedIn | SignInWaits> {
  const user = await findUserByEmail(deps.db, credential.email.toLowerCase());
  // The same steps whether there is an account or not: two look-ups and one scrypt.
  const own = await findPasswordHash(deps.d1, user?.id ?? "nobody");
  nobodysHash ??= hashPassword("nobody");
  const isRight = await verifyPassword({ hash: own ?? (await nobodysHash), password: credential.password });
  if (user === undefined || own === null || !isRight) {
    deps.authFailures.count("password");
    throw new AppError("unauthorized", "The e-mail address or the password is wrong.");
  }
  return admit(deps, visitor, user);
}

/** For somebody with the first proof: in, where the account has no second factor. */
export async function admit(deps: Deps, visitor: Visitor, user: User): Promise<SignedIn | SignInWaits> {
  if (!(await hasSecondFactor(deps, user.id))) {
    return { user, issued: await openSession(deps, visitor, user.id) };
  }
  const token = makeToken("signIn", deps.ids.random(32));
  const now = deps.clock.now();
  const expiresAt = now + CHALLENGE_MS;
  const hash = await hashToken(token);
  await insertChallenge(deps.d1, { hash, userId: user.id, remember: visitor.remember !== false, now, expiresAt });
  return { secondFactor: { token, expiresAt: new Date(expiresAt).toISOString() } };
}

/** Throws `invalid_sign_in` once it took too long or too many codes were wrong, and `wrong_code` before. */
export async function finishSignIn(
  deps: Deps,
  visitor: Visitor,
  from: Omit<Act, "actor">,
  { token, code }: FinishSignIn,
): Promise<SignedIn> {
  if (!isWholeToken("signIn", token)) {
    throw new AppError("malformed_token", "The token of this sign-in is cut off or changed.");
  }
  const over = (): AppError => new AppError("invalid_sign_in", "This sign-in is over.");
  const hash = await hashToken(token);
  const challenge = await tryChallenge(deps.d1, hash, deps.clock.now(), CHALLENGE_TRIES);
  const user = challenge === null ? undefined : await findUser(deps.db, challenge.userId);
  if (challenge === null || user === undefined) {
    throw over();
  }
  await checkCode(deps, from, user.id, code);
  if (!(await endChallenge(deps.d1, hash))) {
    throw over();
  }
  const { id, name, email } = user;
  const issued = await openSession(deps, { ...visitor, remember: challenge.remember }, id);
  return { user: { id, name, email }, issued };
}

/** For somebody who has just proven who they are, second factor included. */
export function openSession(deps: Deps, visitor: Visitor, userId: string): Promise<Issued> {
  const { headers, ip, remember } = visitor;
  return deps.sessionsFor(visitor.origin).issue({ userId, headers, ip, remember });
}
