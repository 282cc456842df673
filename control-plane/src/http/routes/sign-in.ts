/** What people do before they are signed in: asking for an account or a new password, and using the links they get. */
import {
  AccountLinkToken,
  AccountLinkView,
  AskPasswordReset,
  AskRegistration,
  LinkAsked,
  FinishSignIn,
  Me,
  ResetPassword,
  SignedInUser,
  SignInOptions,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { memberActor, whoAmI } from "../../services/accounts.ts";
import {
  askPasswordReset,
  askRegistration,
  confirmEmail,
  register,
  requireOpenRegistration,
  resetPassword,
  viewLink,
} from "../../services/account-links.ts";
import { finishSignIn, openSession, signInOptions } from "../../services/sign-in.ts";
import { originOf } from "../acting.ts";
import { afterwards } from "../afterwards.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { refuseOtherSites } from "../middleware/same-origin.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { VERSION } from "../version.ts";
import { addCookies, visitorOf } from "../visitor.ts";

const PER_ADDRESS = { max: 20, windowMs: 60_000 };
/** Each sign-in and each account has limits of its own. */
const CODES_PER_ADDRESS = { max: 120, windowMs: 60_000 };
/** Mail to one address, whoever asks for it. */
const PER_EMAIL = { max: 5, windowMs: 3_600_000 };

const NO_STORE = { "cache-control": "no-store" };

const options = createRoute({
  method: "get",
  path: "/sign-in/options",
  summary: "What the sign-in page offers",
  middleware: open("says how people get in, nothing about anybody"),
  responses: { 200: jsonAnswer(SignInOptions, "The ways in") },
});

const askReset = createRoute({
  method: "post",
  path: "/password-resets",
  summary: "Ask for a link to choose a new password",
  middleware: open("one answer for every address, limited in rate"),
  request: { body: { content: { "application/json": { schema: AskPasswordReset } }, required: true } },
  responses: {
    202: jsonAnswer(LinkAsked, "Where the address has an account, a link is on its way"),
    ...problemAnswers("invalid_value", "rate_limited"),
  },
});

const askAccount = createRoute({
  method: "post",
  path: "/registrations",
  summary: "Ask for a link to make an account",
  middleware: open("only where registration is open; one answer for every address, limited in rate"),
  request: { body: { content: { "application/json": { schema: AskRegistration } }, required: true } },
  responses: {
    202: jsonAnswer(LinkAsked, "A link is on its way"),
    ...problemAnswers("registration_closed", "invalid_name", "invalid_value", "rate_limited"),
  },
});

const look = createRoute({
  method: "post",
  path: "/account-links/look-up",
  summary: "What a link about an account is for",
  middleware: open("the token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: AccountLinkToken } }, required: true } },
  responses: {
    200: jsonAnswer(AccountLinkView, "What it does, and for whom"),
    ...problemAnswers("malformed_token", "invalid_link", "rate_limited"),
  },
});

const reset = createRoute({
  method: "post",
  path: "/account-links/reset-password",
  summary: "Choose a new password with a link; every session of the account ends",
  middleware: open("the token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: ResetPassword } }, required: true } },
  responses: {
    204: { description: "Changed; sign in with it" },
    ...problemAnswers("malformed_token", "invalid_link", "invalid_value", "rate_limited"),
  },
});

const makeAccount = createRoute({
  method: "post",
  path: "/account-links/register",
  summary: "Make an account and a workspace with a link, and sign in",
  middleware: open("the token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: AccountLinkToken } }, required: true } },
  responses: {
    201: jsonAnswer(Me, "The owner of a new workspace; a session cookie is set"),
    ...problemAnswers("malformed_token", "invalid_link", "registration_closed", "rate_limited"),
  },
});

const confirm = createRoute({
  method: "post",
  path: "/account-links/confirm-email",
  summary: "Confirm an e-mail address with a link",
  middleware: open("the token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: AccountLinkToken } }, required: true } },
  responses: {
    204: { description: "Confirmed" },
    ...problemAnswers("malformed_token", "invalid_link", "rate_limited"),
  },
});

const finish = createRoute({
  method: "post",
  path: "/sign-in/second-factor",
  summary: "Give the code of the second factor that a sign-in waits for",
  middleware: open("the token of a right password and the code are the credential"),
  request: { body: { content: { "application/json": { schema: FinishSignIn } }, required: true } },
  responses: {
    200: jsonAnswer(SignedInUser, "Signed in; a session cookie is set"),
    ...problemAnswers("malformed_token", "invalid_sign_in", "wrong_code", "origin_not_allowed", "rate_limited"),
  },
});

/** Below /api/v1. */
export function signInRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(options, (c) => c.json(signInOptions(c.get("deps")), 200, NO_STORE));
  routes.openapi(askReset, (c) => {
    const deps = c.get("deps");
    const { email } = c.req.valid("json");
    limit(c, "reset", email);
    afterwards(c, "password_reset.failed", askPasswordReset(deps, email));
    return c.json({ message: `If ${email} has an account, a link for a new password is on its way.` }, 202, NO_STORE);
  });
  routes.openapi(askAccount, (c) => {
    const deps = c.get("deps");
    const request = c.req.valid("json");
    requireOpenRegistration(deps);
    limit(c, "register", request.email);
    afterwards(c, "registration.failed", askRegistration(deps, request));
    return c.json({ message: `A link to go on is on its way to ${request.email}.` }, 202, NO_STORE);
  });
  routes.openapi(finish, async (c) => {
    refuseOtherSites(c);
    c.get("deps").rateLimits.take(`code from ${clientAddress(c)}`, CODES_PER_ADDRESS);
    const { user, issued } = await finishSignIn(c.get("deps"), visitorOf(c), originOf(c), c.req.valid("json"));
    addCookies(c, issued.setCookies);
    return c.json({ user }, 200, NO_STORE);
  });
  routes.openapi(look, async (c) => {
    limit(c, "link");
    return c.json(await viewLink(c.get("deps"), c.req.valid("json").token), 200, NO_STORE);
  });
  routes.openapi(reset, async (c) => {
    limit(c, "link");
    const { token, password } = c.req.valid("json");
    await resetPassword(c.get("deps"), originOf(c), token, password);
    return c.body(null, 204);
  });
  routes.openapi(makeAccount, async (c) => {
    limit(c, "link");
    const deps = c.get("deps");
    const made = await register(deps, originOf(c), c.req.valid("json").token);
    const { token, setCookies } = await openSession(deps, visitorOf(c), made.userId);
    addCookies(c, setCookies);
    return c.json(await whoAmI(deps, await memberActor(deps, made, token), VERSION), 201, NO_STORE);
  });
  routes.openapi(confirm, async (c) => {
    limit(c, "link");
    await confirmEmail(c.get("deps"), originOf(c), c.req.valid("json").token);
    return c.body(null, 204);
  });
  return routes;
}

function limit(c: Context<AppEnv>, what: string, email?: string): void {
  const { rateLimits } = c.get("deps");
  rateLimits.take(`${what} from ${clientAddress(c)}`, PER_ADDRESS);
  if (email !== undefined) {
    rateLimits.take(`${what} for ${email.toLowerCase()}`, PER_EMAIL);
  }
}
