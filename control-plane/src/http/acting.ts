/** The act that a request is, for its audit entry. */
import type { Context } from "hono";
import type { Act } from "../domain/act.ts";
import type { AppEnv } from "./context.ts";

export function originOf(c: Context<AppEnv>): Omit<Act, "actor"> {
  const isHosted = c.get("deps").config.launcherKey === null;
  return { ip: (isHosted ? c.req.header("cf-connecting-ip") : undefined) ?? null, requestId: c.get("requestId") };
}

export function actOf(c: Context<AppEnv>): Act {
  return { actor: c.get("actor"), ...originOf(c) };
}
