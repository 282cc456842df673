/** The line that ties a request to its run: what the Dispatcher and the runner log later names the run. */
import type { Context } from "hono";
import type { Accepted } from "../services/runs.ts";
import type { AppEnv } from "./context.ts";

export function noteTriggered(c: Context<AppEnv>, accepted: Accepted): Accepted {
  const { deps, actor, requestId } = c.var;
  deps.log.info("run.triggered", { requestId, workspaceId: actor.workspaceId, ...accepted });
  return accepted;
}
