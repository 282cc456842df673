/** Out to an identity provider and back. The way back is a navigation: whatever happens, it ends on a page. */
import { Departure, LeaveForProvider } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import * as z from "zod";
import { providerIds } from "../../auth/identity-provider.ts";
import { arriveFrom, departTo } from "../../services/provider-sign-in.ts";
import { originOf } from "../acting.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { publicOrigin, refuseOtherSites } from "../middleware/same-origin.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { addCookies, visitorOf } from "../visitor.ts";

const PER_ADDRESS = { max: 60, windowMs: 60_000 };
const AWAY_S = 600;

const leave = createRoute({
  method: "post",
  path: "/sign-in/providers/{provider}",
  summary: "Leave for an identity provider to sign in there",
  middleware: open("makes nothing but a state for this browser, limited in rate"),
  request: {
    params: z.object({ provider: z.enum(providerIds) }),
    body: { content: { "application/json": { schema: LeaveForProvider } }, required: true },
  },
  responses: {
    200: jsonAnswer(Departure, "Where to go; a cookie ties the way back to this browser"),
    ...problemAnswers("not_found", "origin_not_allowed", "not_available", "rate_limited"),
  },
});

/** Below /api/v1. */
export function providerSignInRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(leave, async (c) => {
    refuseOtherSites(c);
    limit(c);
    const { provider } = c.req.valid("param");
    const { returnTo } = c.req.valid("json");
    const { url, state } = await departTo(c.get("deps"), provider, redirectUri(c, provider), returnTo);
    // Lax: the provider sends the browser back by a navigation.
    setCookie(c, cookieName(c), state, { ...cookieOptions(c), maxAge: AWAY_S });
    return c.json({ url }, 200, { "cache-control": "no-store" });
  });
  return routes;
}

/** At the root. */
export function providerCallbackRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  const guard = open("the state in the address and in the cookie, and the provider's code, are the credential");
  routes.get("/api/auth/callback/:provider", guard, async (c) => {
    limit(c);
    const own = getCookie(c, cookieName(c));
    deleteCookie(c, cookieName(c), cookieOptions(c));
    const { state, code, error } = c.req.query();
    const back = { state, own, code, error };
    const arrival = await arriveFrom(c.get("deps"), c.req.param("provider"), visitorOf(c), originOf(c), back);
    c.header("cache-control", "no-store");
    switch (arrival.kind) {
      case "in":
        addCookies(c, arrival.signedIn.issued.setCookies);
        return c.redirect(arrival.returnTo, 302);
      case "waits": {
        const to = encodeURIComponent(arrival.returnTo);
        return c.redirect(`/sign-in?to=${to}#token=${arrival.waits.secondFactor.token}`, 302);
      }
      case "refused":
        return c.redirect(`/sign-in?problem=${arrival.problem}`, 302);
    }
  });
  return routes;
}

function limit(c: Context<AppEnv>): void {
  c.get("deps").rateLimits.take(`provider from ${clientAddress(c)}`, PER_ADDRESS);
}

function redirectUri(c: Context<AppEnv>, provider: string): string {
  return `${publicOrigin(c)}/api/auth/callback/${provider}`;
}

function isSecure(c: Context<AppEnv>): boolean {
  return publicOrigin(c).startsWith("https:");
}

function cookieName(c: Context<AppEnv>): string {
  return `${isSecure(c) ? "__Host-" : ""}cronium.away`;
}

function cookieOptions(c: Context<AppEnv>) {
  return { path: "/", httpOnly: true, secure: isSecure(c), sameSite: "Lax" } as const;
}
