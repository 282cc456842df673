/** The one place that decides who gets a session, whatever they prove themselves with. */
import type { SignInOptions } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { hashPassword, verifyPassword } from "../auth/password.ts";
import type { Issued } from "../auth/sessions.ts";
import type { Deps } from "../deps.ts";
import { findUserByEmail } from "../store/accounts.ts";
import { findPasswordHash } from "../store/sessions.ts";

/** The browser that signs in. */
export interface Visitor {
  /** Origin of this installation. */
  readonly origin: string;
  readonly headers: Headers;
  readonly ip: string | null;
  readonly remember?: boolean | undefined;
}

export interface SignedIn {
  readonly user: { readonly id: string; readonly name: string; readonly email: string };
  readonly issued: Issued;
}

export function signInOptions({ config, mailer }: Deps): SignInOptions {
  return { registration: config.registration, mail: mailer?.sends === true };
}

/** Checked where there is no account, so that its absence takes as long as a wrong password. */
let nobodysHash: Promise<string> | undefined;

/** Throws one and the same `unauthorized` for an unknown address and a wrong password. */
export async function signInByPassword(
  deps: Deps,
  visitor: Visitor,
  credential: { readonly email: string; readonly password: string },
): Promise<SignedIn> {
  const user = await findUserByEmail(deps.db, credential.email.toLowerCase());
  const own = user === undefined ? null : await findPasswordHash(deps.d1, user.id);
  nobodysHash ??= hashPassword("nobody");
  const isRight = await verifyPassword({ hash: own ?? (await nobodysHash), password: credential.password });
  if (user === undefined || own === null || !isRight) {
    deps.authFailures.count("password");
    throw new AppError("unauthorized", "The e-mail address or the password is wrong.");
  }
  return { user, issued: await openSession(deps, visitor, user.id) };
}

/** For somebody who has just proven who they are, second factor included. */
export function openSession(deps: Deps, visitor: Visitor, userId: string): Promise<Issued> {
  const { headers, ip, remember } = visitor;
  return deps.sessionsFor(visitor.origin).issue({ userId, headers, ip, remember });
}
