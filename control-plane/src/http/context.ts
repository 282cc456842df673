/** What every route handler finds in its context: `c.get("deps")`, `c.get("actor")`, `c.get("requestId")`. */
import type { LimitState } from "../auth/request-limits.ts";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import type { QueryNames } from "./middleware/known-query.ts";

export type AppEnv = {
  Variables: {
    deps: Deps;
    /** Set by `requires(…)` alone: a route that is `open(…)` must not read it. */
    actor: Actor;
    requestId: string;
    queryNames: QueryNames;
    /** The limit that this request came closest to, for the RateLimit fields of its answer. */
    limitState?: LimitState;
    /** The request body as it arrived; empty when there was none. Set by `requires(…)` and `open(…)`. */
    bodyBytes: Uint8Array<ArrayBuffer>;
  };
};
