/**
 * Live sockets for people and scripts.
 *
 * `GET /api/v1/runs/{id}/live?cursor=<attempt>:<offset>`: binary messages are log frames (`log-frame.ts`), each whole
 * frame once, in order, first the stored ones from the cursor on and then the live ones without a seam. Text messages
 * are `RunLiveMessage`. Without a cursor the whole log is sent. A client that reconnects passes the cursor behind the
 * last byte it has seen.
 *
 * `GET /api/v1/live`: changes of the workspace's runs and runners as `WorkspaceLiveMessage`. It carries no history: load
 * the list first, then apply every message whose `rev` is higher.
 *
 * Nothing is expected from the client but the text `ping`, answered by `pong`.
 */
import * as z from "zod";
import { Run, RunSummary } from "./run.ts";
import { Runner } from "./runner-view.ts";

export const RunLiveMessage = z.discriminatedUnion("type", [
  /** First message, and again at each change of the run. */
  z.strictObject({ type: z.literal("run"), run: Run }),
  /** Everything stored before the socket opened has been sent; what follows is live. */
  z.strictObject({ type: z.literal("caught_up"), cursor: z.string() }),
  /** The log is closed: no frame follows unless the run gets a further attempt. */
  z.strictObject({ type: z.literal("log_end"), attempt: z.int(), logState: z.string() }),
  z.strictObject({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type RunLiveMessage = z.infer<typeof RunLiveMessage>;

export const WorkspaceLiveMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("run"), run: RunSummary }),
  z.strictObject({ type: z.literal("runner"), runner: Runner }),
  z.strictObject({ type: z.literal("runner_removed"), runnerId: z.string() }),
]);
export type WorkspaceLiveMessage = z.infer<typeof WorkspaceLiveMessage>;

/** Reads a cursor `<attempt>:<offset>`; null when it is not one. */
export function parseCursor(text: string): { readonly attempt: number; readonly offset: number } | null {
  const match = /^([1-9]\d{0,8}):(\d{1,15})$/.exec(text);
  return match === null ? null : { attempt: Number(match[1]), offset: Number(match[2]) };
}
