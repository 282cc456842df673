/** Links that people are sent about their accounts: made, told to the mailer, looked at, and used once. */
import type { AccountLinkKind, AccountLinkView } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { hashPassword } from "../auth/password.ts";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Act, Deed } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import type { Mail } from "../domain/ports.ts";
import { findUser, findUserByEmail } from "../store/accounts.ts";
import {
  confirmStatements,
  findAccountLink,
  insertAccountLink,
  registerStatements,
  resetStatements,
  type AccountLinkRow,
} from "../store/account-links.ts";
import { findStanding } from "../store/members.ts";
import { forgetMessagesStatement } from "../store/messages.ts";
import { commitAct } from "./account-audit.ts";

const HOUR_MS = 3_600_000;
const LIFE_MS: Readonly<Record<AccountLinkKind, number>> = {
  reset: HOUR_MS,
  register: 24 * HOUR_MS,
  confirm: 24 * HOUR_MS,
};

type From = Omit<Act, "actor">;

/** The path to the link's page. In the fragment, which browsers do not send: neither logs nor proxies see the token. */
export async function makeAccountLink(
  deps: Deps,
  link: Omit<AccountLinkRow, "expiresAt">,
): Promise<{ readonly path: string; readonly expiresAt: number }> {
  const token = makeToken("accountLink", deps.ids.random(32));
  const createdAt = deps.clock.now();
  const expiresAt = createdAt + LIFE_MS[link.kind];
  await insertAccountLink(deps.d1, { ...link, hash: await hashToken(token), createdAt, expiresAt });
  return { path: `/link#token=${token}`, expiresAt };
}

/** Resolves whatever the mailer does: whoever asked learns nothing from it. */
export async function tell(deps: Deps, mail: Mail): Promise<void> {
  try {
    if (deps.mailer === null) {
      throw new Error("there is no mail service (MAIL_URL)");
    }
    await deps.mailer.deliver(mail);
    deps.log.info("mail.delivered", { kind: mail.kind, sent: deps.mailer.sends });
  } catch (error) {
    deps.log.error("mail.failed", { kind: mail.kind, error: String(error) });
  }
}

/** Makes a link for a new password where the address has an account. Says nothing about whether it has. */
export async function askPasswordReset(deps: Deps, address: string): Promise<void> {
  const email = address.toLowerCase();
  const user = await findUserByEmail(deps.db, email);
  if (user === undefined) {
    return;
  }
  const link = await makeAccountLink(deps, { kind: "reset", email, userId: user.id, name: null, passwordHash: null });
  await tell(deps, {
    kind: "reset",
    to: email,
    subject: "A new password for Cronium",
    text: "Open this link to choose a new password. It works once, for an hour. If you did not ask for it, do nothing.",
    ...link,
  });
}

export interface Registration {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** Throws `registration_closed` unless anybody may make an account here. */
export function requireOpenRegistration(deps: Deps): void {
  if (deps.config.registration !== "open") {
    throw new AppError("registration_closed", "Nobody can make an account here by themselves.");
  }
}

/** Makes a link for a new account; an address that has one is told so. Both take the same time. */
export async function askRegistration(deps: Deps, request: Registration): Promise<void> {
  const email = request.email.toLowerCase();
  const passwordHash = await hashPassword(request.password);
  const known = await findUserByEmail(deps.db, email);
  if (known !== undefined) {
    const text =
      "Somebody, perhaps you, asked for an account with this address. It has one: sign in, or ask for a new password there.";
    const expiresAt = deps.clock.now() + HOUR_MS;
    await tell(deps, { kind: "known", to: email, subject: "Your Cronium account", text, path: "/sign-in", expiresAt });
    return;
  }
  const link = await makeAccountLink(deps, { kind: "register", email, userId: null, name: request.name, passwordHash });
  await tell(deps, {
    kind: "register",
    to: email,
    subject: "Confirm your Cronium account",
    text: "Open this link to make your account. It works once, for a day. If you did not ask for it, do nothing.",
    ...link,
  });
}

/** Sends a link to the caller's own address. */
export async function askConfirmation(deps: Deps, actor: Actor): Promise<void> {
  const user = actor.kind === "user" ? await findUser(deps.db, actor.userId) : undefined;
  if (user === undefined) {
    throw new AppError("forbidden", "This is about a person's own account; an API key has none.");
  }
  const row = { kind: "confirm", email: user.email, userId: user.id, name: null, passwordHash: null } as const;
  const link = await makeAccountLink(deps, row);
  await tell(deps, {
    kind: "confirm",
    to: user.email,
    subject: "Confirm your e-mail address for Cronium",
    text: "Open this link to confirm that this address is yours. It works once, for a day.",
    ...link,
  });
}

/** Throws `malformed_token`, or one and the same `invalid_link` for every token that does not work. */
async function openLink(
  deps: Deps,
  token: string,
  kind?: AccountLinkKind,
): Promise<AccountLinkRow & { readonly hash: string }> {
  if (!isWholeToken("accountLink", token)) {
    throw new AppError("malformed_token", "The link is cut off or changed.");
  }
  const hash = await hashToken(token);
  const row = await findAccountLink(deps.d1, hash, deps.clock.now());
  if (row === null || (kind !== undefined && row.kind !== kind)) {
    deps.authFailures.count("link");
    throw unusable();
  }
  return { ...row, hash };
}

function unusable(cause?: unknown): AppError {
  return new AppError("invalid_link", "This link does not work any more.", { cause });
}

export async function viewLink(deps: Deps, token: string): Promise<AccountLinkView> {
  const { kind, email, expiresAt } = await openLink(deps, token);
  return { kind, email, expiresAt: new Date(expiresAt).toISOString() };
}

/** Sets the password and ends every session of the account. */
export async function resetPassword(deps: Deps, from: From, token: string, password: string): Promise<void> {
  const { hash, userId, email } = await openLink(deps, token, "reset");
  if (userId === null) {
    throw unusable();
  }
  const now = deps.clock.now();
  const accountId = makeId("user", now, deps.ids.random(10));
  const passwordHash = await hashPassword(password);
  const statements = resetStatements(deps.d1, { hash, now, userId, accountId, passwordHash });
  await useLink(deps, from, userId, { verb: "account.password_reset", target: userId }, [
    forgetMessagesStatement(deps.d1, email, "reset"),
    ...statements,
  ]);
}

/** Makes the account and a workspace of its own. The caller signs in afterwards. */
export async function register(
  deps: Deps,
  from: From,
  token: string,
): Promise<{ readonly userId: string; readonly workspaceId: string }> {
  requireOpenRegistration(deps);
  const { hash, name, email } = await openLink(deps, token, "register");
  const now = deps.clock.now();
  const userId = makeId("user", now, deps.ids.random(10));
  const accountId = makeId("user", now, deps.ids.random(10));
  const workspaceId = makeId("workspace", now, deps.ids.random(10));
  const workspaceName = `${name ?? "My"}'s workspace`.slice(0, 200);
  const actor: Actor = { kind: "user", userId, sessionId: "", workspaceId, role: "owner", provenUntil: 0 };
  const deed = { verb: "workspace.created", target: workspaceId, after: workspaceName };
  const parts = { hash, now, userId, accountId, workspaceId, workspaceName };
  try {
    const results = await commitAct(
      deps,
      { ...from, actor },
      deed,
      [forgetMessagesStatement(deps.d1, email, "register"), ...registerStatements(deps.d1, parts)],
      workspaceId,
    );
    if (results.at(-1)?.meta.changes === 0) {
      throw unusable();
    }
  } catch (cause) {
    if (String(cause).includes("UNIQUE constraint failed: user.email")) {
      throw unusable(cause);
    }
    throw cause;
  }
  deps.log.info("account.registered", { userId, workspaceId });
  return { userId, workspaceId };
}

export async function confirmEmail(deps: Deps, from: From, token: string): Promise<void> {
  const { hash, userId, email } = await openLink(deps, token, "confirm");
  if (userId === null) {
    throw unusable();
  }
  await useLink(deps, from, userId, { verb: "account.email_confirmed", target: userId }, [
    forgetMessagesStatement(deps.d1, email, "confirm"),
    ...confirmStatements(deps.d1, hash, deps.clock.now()),
  ]);
}

/** Written into the audit of the workspace that the person joined first; somebody without one leaves no entry. */
async function useLink(
  deps: Deps,
  from: From,
  userId: string,
  deed: Deed,
  statements: readonly D1PreparedStatement[],
): Promise<void> {
  const standing = await findStanding(deps.d1, userId, "");
  let results: readonly D1Result[];
  if (standing === null) {
    results = await deps.d1.batch([...statements]);
  } else {
    const { workspaceId, role } = standing;
    const actor: Actor = { kind: "user", userId, sessionId: "", workspaceId, role, provenUntil: 0 };
    results = await commitAct(deps, { ...from, actor }, deed, statements);
  }
  if (results.at(-1)?.meta.changes === 0) {
    throw unusable();
  }
  deps.log.info(deed.verb, { userId });
}
