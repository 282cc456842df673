/** Signing in through an identity provider: out to it, back from it, and whose account its identity opens. */
import { makeId } from "@cronium/protocol/ids";
import { AppError } from "@cronium/protocol/errors";
import { base64url } from "@cronium/protocol/token";
import type { SignInProblem, SignInWaits } from "@cronium/protocol";
import { ProviderError } from "../domain/provider-request.ts";
import { type Identity, type IdentityProvider } from "../auth/identity-provider.ts";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { findUser, findUserByEmail } from "../store/accounts.ts";
import { findStanding } from "../store/members.ts";
import {
  findByIdentity,
  insertProviderSignIn,
  type KnownUser,
  linkStatement,
  newUserStatements,
  takeProviderSignIn,
} from "../store/provider-sign-ins.ts";
import { commitAct } from "./account-audit.ts";
import { admit, type SignedIn, type Visitor } from "./sign-in.ts";

const AWAY_MS = 10 * 60_000;
const SECRET_BYTES = 32;

type From = Omit<Act, "actor">;

export interface Departure {
  /** Where the browser goes. */
  readonly url: string;
  /** Ties the way back to this browser. */
  readonly state: string;
}

function providerOf(deps: Deps, id: string): IdentityProvider {
  const provider = deps.providers.find((one) => one.id === id);
  if (provider === undefined) {
    throw new AppError("not_found", `Signing in through ${id} is not set up here.`);
  }
  return provider;
}

/** `returnTo` is a path of the dashboard. Throws `not_available` when the provider cannot be reached. */
export async function departTo(deps: Deps, id: string, redirectUri: string, returnTo: string): Promise<Departure> {
  const provider = providerOf(deps, id);
  const state = base64url(deps.ids.random(SECRET_BYTES));
  const nonce = base64url(deps.ids.random(SECRET_BYTES));
  const verifier = base64url(deps.ids.random(SECRET_BYTES));
  let url: string;
  try {
    url = await provider.authorizeUrl({ redirectUri, state, nonce, verifier });
  } catch (cause) {
    deps.log.error("provider.unusable", { provider: id, error: String(cause) });
    throw new AppError("not_available", `${provider.name} does not answer; sign in another way.`, { cause });
  }
  const now = deps.clock.now();
  await insertProviderSignIn(deps.d1, {
    hash: await hashToken(state),
    provider: id,
    nonce,
    verifier: await deps.sealer.seal(verifier),
    redirectUri,
    returnTo,
    now,
    expiresAt: now + AWAY_MS,
  });
  return { url, state };
}

/** What the provider sent the browser back with; `own` is the state that this browser left with. */
export interface Return {
  readonly state: string | undefined;
  readonly own: string | undefined;
  readonly code: string | undefined;
  readonly error: string | undefined;
}

export type Arrival =
  | { readonly kind: "in"; readonly returnTo: string; readonly signedIn: SignedIn }
  | { readonly kind: "waits"; readonly returnTo: string; readonly waits: SignInWaits }
  | { readonly kind: "refused"; readonly problem: SignInProblem };

const refused = (problem: SignInProblem): Arrival => ({ kind: "refused", problem });

/** Never rejects for what came back: the reason is in the log, and the person sees a sentence. */
export async function arriveFrom(deps: Deps, id: string, visitor: Visitor, from: From, back: Return): Promise<Arrival> {
  const provider = providerOf(deps, id);
  const fail = (why: string): Arrival => {
    deps.authFailures.count("provider");
    deps.log.warn("provider.failed", { provider: id, why });
    return refused("provider_failed");
  };
  if (back.state === undefined || back.state !== back.own) {
    return fail("the state is missing, or not the one that this browser left with");
  }
  const away = await takeProviderSignIn(deps.d1, await hashToken(back.state), deps.clock.now());
  if (away === null || away.provider !== id) {
    return fail("no sign-in left with this state, or it came back already, or too late");
  }
  if (back.error !== undefined || back.code === undefined) {
    deps.log.info("provider.refused", { provider: id, error: back.error?.slice(0, 80) ?? "no code" });
    return refused("provider_refused");
  }
  const verifier = (await deps.sealer.open(away.verifier)) ?? "";
  const { redirectUri, nonce, returnTo } = away;
  let identity: Identity;
  try {
    identity = await provider.identify(back.code, { redirectUri, state: back.state, nonce, verifier });
  } catch (error) {
    if (error instanceof ProviderError) {
      return fail(error.message);
    }
    throw error;
  }
  const found = await userOf(deps, from, provider, identity);
  if (typeof found === "string") {
    deps.authFailures.count("provider");
    deps.log.info("provider.no_account", { provider: id, problem: found });
    return refused(found);
  }
  const admitted = await admit(deps, visitor, found);
  return "secondFactor" in admitted
    ? { kind: "waits", returnTo, waits: admitted }
    : { kind: "in", returnTo, signedIn: admitted };
}

/**
 * The account of an identity. A new identity gets the account with its address where both sides have made sure of the
 * address: else whoever names somebody's address at a careless provider, or here before its owner comes, would get in.
 */
async function userOf(
  deps: Deps,
  from: From,
  provider: IdentityProvider,
  identity: Identity,
): Promise<KnownUser | SignInProblem> {
  const { realm } = provider;
  const known = await findByIdentity(deps.d1, realm, identity.subject);
  if (known !== null) {
    return known;
  }
  const email = identity.email?.toLowerCase() ?? null;
  if (email === null || !identity.emailVerified) {
    return "email_unverified";
  }
  const now = deps.clock.now();
  const id = makeId("user", now, deps.ids.random(10));
  const user = await findUserByEmail(deps.db, email);
  if (user !== undefined) {
    return link(deps, from, user, { id, realm, subject: identity.subject, userId: user.id, now });
  }
  if (deps.config.registration !== "open") {
    return "registration_closed";
  }
  const name =
    (identity.name ?? email)
      .replaceAll(/\p{Cc}/gu, " ")
      .trim()
      .slice(0, 200) || email;
  const userId = makeId("user", now, deps.ids.random(10));
  const workspaceId = makeId("workspace", now, deps.ids.random(10));
  const workspaceName = `${name}'s workspace`.slice(0, 200);
  const actor: Actor = { kind: "user", userId, sessionId: "", workspaceId, role: "owner", provenUntil: 0 };
  const deed = { verb: "workspace.created", target: workspaceId, after: workspaceName };
  const fresh = { id, realm, subject: identity.subject, userId, now, email, name, workspaceId, workspaceName };
  try {
    await commitAct(deps, { ...from, actor }, deed, newUserStatements(deps.d1, fresh), workspaceId);
  } catch (error) {
    if (String(error).includes("UNIQUE constraint failed")) {
      return "provider_failed";
    }
    throw error;
  }
  deps.log.info("account.registered", { userId, workspaceId, provider: provider.id });
  return { id: userId, name, email };
}

async function link(
  deps: Deps,
  from: From,
  user: KnownUser,
  identity: Parameters<typeof linkStatement>[1],
): Promise<KnownUser | SignInProblem> {
  const row = await findUser(deps.db, user.id);
  const standing = await findStanding(deps.d1, user.id, "");
  if (row?.emailConfirmed !== true) {
    return "email_unconfirmed";
  }
  if (standing === null) {
    return "registration_closed";
  }
  const { workspaceId, role } = standing;
  const actor: Actor = { kind: "user", userId: user.id, sessionId: "", workspaceId, role, provenUntil: 0 };
  const deed = { verb: "account.provider_linked", target: user.id, after: identity.realm };
  try {
    const [result] = await commitAct(deps, { ...from, actor }, deed, [linkStatement(deps.d1, identity)]);
    return result?.meta.changes === 0 ? "email_unconfirmed" : user;
  } catch (error) {
    if (String(error).includes("UNIQUE constraint failed")) {
      return "provider_failed";
    }
    throw error;
  }
}
