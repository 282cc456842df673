/** Refuses requests that another site causes: changes, and sockets, on which browsers send cookies without asking. */
import { AppError, echo } from "@cronium/protocol/errors";
import type { Context } from "hono";
import type { AppEnv } from "../context.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Address of this installation as this request sees it, without a slash at the end. */
export function publicUrl(c: Context<AppEnv>): string {
  const configured = c.get("deps").config.publicUrl;
  return configured === "" ? new URL(c.req.url).origin : configured.replace(/\/+$/, "");
}

/** Its origin, where people open the dashboard. */
export function publicOrigin(c: Context<AppEnv>): string {
  return new URL(publicUrl(c)).origin;
}

/**
 * Throws `origin_not_allowed` unless the request comes from a page of this installation. Reads need no proof; sockets
 * need an exact `Origin`; changes need `Sec-Fetch-Site: same-origin` or an exact `Origin`.
 */
export function requireSameOrigin(c: Context<AppEnv>): void {
  const isSocket = c.req.header("upgrade")?.toLowerCase() === "websocket";
  if (SAFE_METHODS.has(c.req.method) && !isSocket) {
    return;
  }
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  const own = [new URL(c.req.url).origin, publicOrigin(c)];
  if (origin !== undefined && !own.includes(origin)) {
    throw refused(`Requests with a session are not accepted from ${echo(origin)}.`);
  }
  if (site !== undefined && site !== "same-origin") {
    throw refused(`Requests with a session are not accepted from another site (${echo(site)}).`);
  }
  if (origin === undefined && (isSocket || site === undefined)) {
    throw refused("A request with a session must name the page it comes from, and this one has no Origin header.");
  }
}

/** A form on another site could sign a visitor in or out: both need a page of this installation, or no browser at all. */
export function refuseOtherSites(c: Context<AppEnv>): void {
  if (c.req.header("origin") !== undefined || c.req.header("sec-fetch-site") !== undefined) {
    requireSameOrigin(c);
  }
}

function refused(message: string): AppError {
  return new AppError("origin_not_allowed", message);
}
