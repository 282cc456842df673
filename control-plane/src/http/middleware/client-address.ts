/**
 * Where a request comes from. Hosted, Cloudflare says so in a header that no client can set; embedded, the runtime names
 * its peer, and a proxy that `TRUSTED_PROXIES` lists names whom it speaks for.
 */
import type { Context } from "hono";
import { clientOf, countedAs, parsePeer } from "../../domain/client-ip.ts";
import { formatIp, type IpAddress, parseIp, unmapped } from "../../domain/ip-address.ts";
import type { AppEnv } from "../context.ts";

/** For audits; null when it is not known. */
export function clientIp(c: Context<AppEnv>): string | null {
  const ip = find(c);
  return ip === null ? null : formatIp(ip);
}

/** Whom a limit counts; all whose address is not known are one. */
export function clientAddress(c: Context<AppEnv>): string {
  const ip = find(c);
  return ip === null ? "unknown" : countedAs(ip);
}

function find(c: Context<AppEnv>): IpAddress | null {
  const { config } = c.get("deps");
  if (config.launcherKey === null) {
    const ip = parseIp(c.req.header("cf-connecting-ip") ?? "");
    return ip === null ? null : unmapped(ip);
  }
  const named = (c.req.raw as { readonly cf?: { readonly clientIp?: unknown } }).cf?.clientIp;
  const peer = typeof named === "string" ? parsePeer(named) : null;
  return peer === null ? null : clientOf(peer, c.req.header("x-forwarded-for"), config.trustedProxies);
}
