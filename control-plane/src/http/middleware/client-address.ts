/** Whom a rate limit counts. Hosted, Cloudflare names the client; embedded, a header could be forged, so all share one. */
import type { Context } from "hono";
import type { AppEnv } from "../context.ts";

export function clientAddress(c: Context<AppEnv>): string {
  const isHosted = c.get("deps").config.launcherKey === null;
  return (isHosted ? c.req.header("cf-connecting-ip") : undefined) ?? "local";
}
