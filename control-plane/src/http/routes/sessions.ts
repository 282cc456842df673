/**
 * Sign-in, sign-out and the current session, under /api/auth. Of better-auth's own routes only the last two are
 * reachable. Its bodies hold the session's token, which pages must not be able to read: the cookie alone passes, beside
 * bodies of our own.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import * as z from "zod";
import { signInByPassword } from "../../services/sign-in.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { publicOrigin, refuseOtherSites } from "../middleware/same-origin.ts";
import { fieldErrors, refusal } from "../middleware/validation.ts";
import { addCookies, visitorOf } from "../visitor.ts";

/** Checking a password takes 40 ms of the one thread that an embedded installation has. */
const PER_ADDRESS = { max: 30, windowMs: 60_000 };
const PER_ACCOUNT = { max: 10, windowMs: 300_000 };

const SignIn = z.strictObject({
  email: z.string().max(254),
  password: z.string().max(256, "must have at most 256 characters"),
  rememberMe: z.boolean().optional(),
});

const AuthSession = z.object({
  session: z.object({ expiresAt: z.string() }),
  user: z.object({ id: z.string(), name: z.string(), email: z.string() }),
});

/** Mounted at the root. */
export function sessionRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.post("/api/auth/sign-in/email", open("e-mail and password are the credential"), async (c) => {
    refuseOtherSites(c);
    const parsed = SignIn.safeParse(await c.req.json().catch(() => ({})));
    if (!parsed.success) {
      throw refusal(parsed.error.issues.flatMap((issue) => fieldErrors(issue, "json", undefined)));
    }
    const { rateLimits } = c.get("deps");
    rateLimits.take(`sign-in from ${clientAddress(c)}`, PER_ADDRESS);
    rateLimits.take(`sign-in to ${parsed.data.email.toLowerCase()}`, PER_ACCOUNT);
    const { rememberMe, ...credential } = parsed.data;
    const visitor = { ...visitorOf(c), remember: rememberMe };
    const answer = await signInByPassword(c.get("deps"), visitor, credential);
    if ("secondFactor" in answer) {
      return c.json(answer, 200, { "cache-control": "no-store" });
    }
    addCookies(c, answer.issued.setCookies);
    return c.json({ user: answer.user }, 200, { "cache-control": "no-store" });
  });
  routes.post("/api/auth/sign-out", open("ends the session of its own cookie"), async (c) => {
    refuseOtherSites(c);
    const answer = await ask(c, "{}");
    return withCookies(c.json({ success: true }), answer);
  });
  routes.get("/api/auth/get-session", open("answers null without a session"), async (c) => {
    const answer = await ask(c, null);
    const found = AuthSession.nullable().parse(await answer.json());
    return withCookies(c.json(found), answer);
  });
  return routes;
}

function withCookies(response: Response, from: Response): Response {
  for (const cookie of from.headers.getSetCookie()) {
    response.headers.append("set-cookie", cookie);
  }
  response.headers.set("cache-control", "no-store");
  return response;
}

/** Hands the request to better-auth. Throws for an answer that is not a success. */
async function ask(c: Context<AppEnv>, body: string | null): Promise<Response> {
  const origin = publicOrigin(c);
  const headers = new Headers({ origin });
  for (const name of ["cookie", "user-agent"]) {
    const value = c.req.header(name);
    if (value !== undefined) {
      headers.set(name, value);
    }
  }
  if (body !== null) {
    headers.set("content-type", "application/json");
  }
  // The address within better-auth is always our own: a Host header decides nothing there.
  const request = new Request(`${origin}${c.req.path}`, { method: c.req.method, headers, body });
  const response = await c.get("deps").sessionsFor(origin).handler(request);
  if (response.ok) {
    return response;
  }
  const detail = await response.text();
  throw new Error(`better-auth answered ${response.status}: ${detail.slice(0, 500)}`);
}
