/** Work that an answer does not wait for: its time tells the asker nothing, and a slow mail service holds nobody up. */
import type { Context } from "hono";
import type { AppEnv } from "./context.ts";

/** `failure` is the log event of a rejection. */
export function afterwards(c: Context<AppEnv>, failure: string, work: Promise<void>): void {
  const { log } = c.get("deps");
  c.executionCtx.waitUntil(work.catch((error: unknown) => log.error(failure, { error: String(error) })));
}
