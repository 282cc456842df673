/** A run's log, and the sockets over which it is written and watched: all of it lives in the run's log room. */
import type { LogBatch, LogBatchAnswer, LogStream } from "@cronium/protocol";
import { AppError, echo } from "@cronium/protocol/errors";
import { parseCursor } from "@cronium/protocol/live";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { readLogToken, type LogScope } from "./log-tokens.ts";
import { getRun } from "./runs.ts";

export interface LogQuery {
  readonly format: "text" | "ndjson";
  readonly stream: LogStream | undefined;
  readonly attempt: number | undefined;
  readonly cursor: string | undefined;
}

/** The log so far, as a stream. Throws `not_found` and `invalid_cursor`. */
export async function readLogs(
  deps: Deps,
  actor: Actor,
  runId: string,
  query: LogQuery,
): Promise<ReadableStream<Uint8Array> | null> {
  const cursor = checkCursor(query.cursor);
  await getRun(deps, actor, runId);
  const search = new URLSearchParams({ format: query.format, ...cursor });
  if (query.stream !== undefined) {
    search.set("stream", query.stream);
  }
  if (query.attempt !== undefined) {
    search.set("only", String(query.attempt));
  }
  const response = await deps.logRoomFor(actor.workspaceId, runId).fetch(`http://room/log?${search.toString()}`);
  return response.body;
}

/** The socket of a viewer: state and log from the cursor on. */
export async function watchRun(deps: Deps, actor: Actor, runId: string, cursor: string | undefined): Promise<Response> {
  const from = checkCursor(cursor);
  await getRun(deps, actor, runId);
  return deps
    .logRoomFor(actor.workspaceId, runId)
    .fetch(`http://room/view?${new URLSearchParams(from).toString()}`, { headers: { upgrade: "websocket" } });
}

/** The socket over which a runner sends the log of one attempt, named by its token. */
export async function openLogSocket(deps: Deps, runId: string, token: string | undefined): Promise<Response> {
  const scope = checkToken(deps, runId, token);
  return deps
    .logRoomFor(scope.workspaceId, runId)
    .fetch(`http://room/write?attempt=${scope.attempt}&cap=${scope.capBytes}`, { headers: { upgrade: "websocket" } });
}

/** Log frames without a socket; the token is the same. */
export async function writeLogBatch(
  deps: Deps,
  runId: string,
  token: string | undefined,
  batch: LogBatch,
): Promise<LogBatchAnswer> {
  const { workspaceId, attempt, capBytes } = checkToken(deps, runId, token);
  return deps.logRoomFor(workspaceId, runId).writeBatch(attempt, batch, capBytes);
}

function checkToken(deps: Deps, runId: string, token: string | undefined): LogScope {
  const scope = token === undefined ? null : readLogToken(deps.config.logTokenKey, token, deps.clock.now());
  if (scope === null || scope.runId !== runId) {
    throw new AppError("invalid_token", "The token of this log is missing, expired, or for another run.");
  }
  return scope;
}

function checkCursor(text: string | undefined): { readonly attempt?: string; readonly offset?: string } {
  if (text === undefined) {
    return {};
  }
  const cursor = parseCursor(text);
  if (cursor === null) {
    throw new AppError("invalid_cursor", `The cursor ${echo(text)} is not of the form attempt:offset, such as 1:0.`);
  }
  return { attempt: String(cursor.attempt), offset: String(cursor.offset) };
}
