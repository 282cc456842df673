/** A key in an address ends up in histories and logs: such a request is refused before it is looked at. */
import { AppError } from "@cronium/protocol/errors";
import { tokenPrefixes } from "@cronium/protocol/token";
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";

export const refuseKeyInUrl: MiddlewareHandler<AppEnv> = async (c, next) => {
  const query = c.req.url.includes("?") ? new URL(c.req.url).searchParams : [];
  for (const [name, value] of query) {
    if (Object.values(tokenPrefixes).some((prefix) => value.startsWith(prefix))) {
      throw new AppError("key_in_url", `The query parameter ${JSON.stringify(name.slice(0, 40))} holds a key.`);
    }
  }
  await next();
};
