/** Counts requests against the limits of the installation (`auth/request-limits.ts`). */
import { AppError } from "@cronium/protocol/errors";
import type { Context } from "hono";
import type { LimitState } from "../../auth/request-limits.ts";
import type { Actor } from "../../domain/actor.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "./client-address.ts";

/** A request with a login. Throws `rate_limited`. */
export function countActor(c: Context<AppEnv>, actor: Actor): void {
  const { requestLimits } = c.get("deps");
  const own = actor.kind === "user" ? requestLimits.take("user", actor.userId) : requestLimits.take("key", actor.keyId);
  remember(c, own, requestLimits.take("workspace", actor.workspaceId));
}

/** The period of the binding in `wrangler.toml`. */
const PLACE_PERIOD_S = 60;

/** A request to a route that is open: by this isolate, then by all of its place where there is a binding for it. */
export async function countAddress(c: Context<AppEnv>): Promise<void> {
  const { requestLimits, placeLimit } = c.get("deps");
  const address = clientAddress(c);
  remember(c, requestLimits.take("address", address));
  if (placeLimit !== null && !(await placeLimit.limit({ key: address })).success) {
    throw new AppError(
      "rate_limited",
      `Too many requests without a login came from this address; try again in ${PLACE_PERIOD_S} s.`,
      { context: { retryAfterSeconds: PLACE_PERIOD_S } },
    );
  }
}

/** Throws `rate_limited` where too many credentials from this address were refused, before another one is looked up. */
export function refuseGuessers(c: Context<AppEnv>): void {
  c.get("deps").requestLimits.check("failures", clientAddress(c));
}

export function countFailure(c: Context<AppEnv>): void {
  c.get("deps").requestLimits.note("failures", clientAddress(c));
}

/** The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-11, of the limit that was set last. */
export function setRateLimitFields(c: Context<AppEnv>, headers: Headers): void {
  const state = c.get("limitState");
  if (state !== undefined && !headers.has("ratelimit")) {
    headers.set("ratelimit-policy", `"${state.name}";q=${state.limit};w=60`);
    headers.set("ratelimit", `"${state.name}";r=${state.remaining};t=${state.resetSeconds}`);
  }
}

/** The one of which the smaller part is left. */
function remember(c: Context<AppEnv>, ...states: readonly (LimitState | null)[]): void {
  for (const state of states) {
    const before = c.get("limitState");
    if (state !== null && (before === undefined || state.remaining / state.limit < before.remaining / before.limit)) {
      c.set("limitState", state);
    }
  }
}
