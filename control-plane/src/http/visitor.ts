/** The browser that signs in, and the cookies it is given. */
import type { Context } from "hono";
import type { Visitor } from "../services/sign-in.ts";
import { originOf } from "./acting.ts";
import type { AppEnv } from "./context.ts";
import { publicOrigin } from "./middleware/same-origin.ts";

export function visitorOf(c: Context<AppEnv>): Visitor {
  return { origin: publicOrigin(c), headers: c.req.raw.headers, ip: originOf(c).ip };
}

export function addCookies(c: Context<AppEnv>, setCookies: readonly string[]): void {
  for (const cookie of setCookies) {
    c.header("set-cookie", cookie, { append: true });
  }
}
