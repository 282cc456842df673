/** The act that a request is, for its audit entry. */
import type { Context } from "hono";
import type { Act } from "../domain/act.ts";
import type { AppEnv } from "./context.ts";
import { clientIp } from "./middleware/client-address.ts";

export function originOf(c: Context<AppEnv>): Omit<Act, "actor"> {
  return { ip: clientIp(c), requestId: c.get("requestId") };
}

export function actOf(c: Context<AppEnv>): Act {
  return { actor: c.get("actor"), ...originOf(c) };
}
