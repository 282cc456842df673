/** Headers of every answer. Pages may load what this installation serves itself, and nothing inline. */
import type { Context, MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";
import { setRateLimitFields } from "./request-limits.ts";

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");

/** For data: should a browser ever show it as a page, that page can do nothing. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";

export const securityHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  if (c.res.status === 101) {
    return;
  }
  const headers = writableHeaders(c);
  const isPage = headers.get("content-type")?.startsWith("text/html") === true;
  headers.set("content-security-policy", isPage ? PAGE_POLICY : DATA_POLICY);
  headers.set("referrer-policy", "no-referrer");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "same-origin");
  headers.set("x-request-id", c.get("requestId"));
  setRateLimitFields(c, headers);
  if (isPage) {
    headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
  }
  if (c.req.url.startsWith("https:")) {
    headers.set("strict-transport-security", "max-age=31536000");
  }
};

/** A response that came from a binding has immutable headers and is copied; most are our own. */
function writableHeaders(c: Context<AppEnv>): Headers {
  try {
    c.res.headers.set("x-content-type-options", "nosniff");
  } catch {
    c.res = new Response(c.res.body, c.res);
    c.res.headers.set("x-content-type-options", "nosniff");
  }
  return c.res.headers;
}
