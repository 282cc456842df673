/** What every route handler finds in its context: `c.get("deps")`, `c.get("actor")`, `c.get("requestId")`. */
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";

export type AppEnv = {
  Variables: {
    deps: Deps;
    /** Set by `requires(…)` alone: a route that is `open(…)` must not read it. */
    actor: Actor;
    requestId: string;
    /** The request body as it arrived; empty when there was none. Set by `requires(…)` and `open(…)`. */
    bodyBytes: Uint8Array<ArrayBuffer>;
  };
};
