/**
 * The log room of a run: takes frames from its runner, hands them on to whoever watches, keeps them until the run has
 * ended, then moves them into one blob and forgets them. Rules lie in `domain/log-position.ts`.
 *
 * What may interleave: frames, calls and alarms are one synchronous turn each. Awaiting are only a viewer's opening (it
 * asks the Dispatcher for the run), a viewer that is behind, and the archive, during which the log is closed.
 */
import { DurableObject } from "cloudflare:workers";
import type { LogBatch, LogBatchAnswer, LogState, Run } from "@cronium/protocol";
import { closeCodes } from "@cronium/protocol/runner";
import { LOG_DRAIN_MS, MAX_LOG_CAP_BYTES } from "@cronium/protocol/limits";
import { isTerminal } from "@cronium/protocol/run-states";
import { makeDeps, type Env } from "../../deps.ts";
import { logStateOf } from "../../domain/log-position.ts";
import type { LogRoomApi } from "../../domain/log-room.ts";
import { dispatcherOfRun } from "../../services/dispatchers.ts";
import { findPastRun } from "../../services/runs.ts";
import { writeArchive } from "./archive.ts";
import { readLastRow, sumStored } from "./frames.ts";
import { readLog } from "./read.ts";
import { isClosed, notedBase, openFor, rawBytesOf } from "./reopen.ts";
import { arm, attachmentOf, closeSocket, newestOf, readMeta, writeMeta, WRITER_TAG, type Room } from "./room.ts";
import { openTables } from "./schema.ts";
import { hasViewers, openViewer, resumeViewers, tellViewers } from "./viewers.ts";
import { onWriterBatch, onWriterFrame, onWriterText, openWriter } from "./writers.ts";

/** After the archive is written the tables stay this long, for viewers that are just reading. */
const LINGER_MS = 60_000;
const ARCHIVE_RETRY_MS = 30_000;
/** The Dispatcher remembers a watch for ten minutes. */
const REWATCH_MS = 240_000;

export class LogRoom extends DurableObject<Env> implements LogRoomApi {
  readonly #room: Room;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { sql } = ctx.storage;
    const stored = openTables(ctx.storage);
    const name = stored
      ? (sql.exec("SELECT value FROM meta WHERE key = 'name'").one()["value"] as string)
      : ctx.id.name;
    const [workspaceId, runId] = name?.split(":") ?? [];
    if (workspaceId === undefined || runId === undefined) {
      throw new Error("A log room is reached by the name <workspaceId>:<runId>.");
    }
    this.#room = {
      ctx,
      sql,
      deps: makeDeps(env),
      workspaceId,
      runId,
      stored,
      newest: undefined,
      digest: null,
      closed: stored && sql.exec("SELECT 1 FROM meta WHERE key = 'closed'").toArray().length > 0,
      archived: false,
      storedBytes: 0,
      baseBlocks: [],
      reopenedAt: 0,
      toldRev: 0,
      archiving: false,
      forgetting: null,
      readers: 0,
      alarmAt: null,
    };
    if (stored) {
      this.#room.baseBlocks = notedBase(this.#room);
      this.#room.reopenedAt = Number(readMeta(this.#room, "reopened_at") ?? 0);
      this.#room.storedBytes = rawBytesOf(this.#room.baseBlocks) + sumStored(sql);
    }
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    void ctx.blockConcurrencyWhile(async () => {
      this.#room.alarmAt = await ctx.storage.getAlarm();
    });
    resumeViewers(this.#room);
  }

  async runChanged(run: Run): Promise<void> {
    const room = this.#room;
    if (run.rev > room.toldRev) {
      room.toldRev = run.rev;
      tellViewers(room, { type: "run", run });
      if (!isTerminal(run.state) && hasViewers(room)) {
        // A requeued run: its viewers want to hear of it for as long as they stay.
        arm(room, room.deps.clock.now() + REWATCH_MS);
      }
    }
  }

  async erase(): Promise<void> {
    const room = this.#room;
    // What is under way finds the log closed and nothing to archive.
    room.closed = true;
    room.archived = true;
    for (const socket of this.ctx.getWebSockets()) {
      closeSocket(socket, closeCodes.revoked, "the workspace was deleted");
    }
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    room.stored = false;
  }

  async finish(run: Run): Promise<void> {
    await this.runChanged(run);
    const room = this.#room;
    if (newestAttempt(room) > run.attempt) {
      // News of an end that a requeue has overtaken: the log goes on already.
      return;
    }
    if (!room.stored) {
      room.archived = true;
      return;
    }
    if (room.closed) {
      return;
    }
    const now = room.deps.clock.now();
    const isWhole = newestOf(room)?.ended ?? true;
    const closeAt = isWhole ? now : now + LOG_DRAIN_MS;
    writeMeta(room, "close_at", String(closeAt));
    arm(room, closeAt + LOG_DRAIN_MS);
    if (isWhole) {
      this.#close();
    } else {
      arm(room, closeAt);
    }
  }

  async status(): Promise<{ readonly logState: LogState; readonly bytes: number }> {
    const room = this.#room;
    const newest = newestOf(room);
    return { logState: newest === null ? "none" : logStateOf(newest), bytes: room.storedBytes };
  }

  /** Only from the Worker, which has checked who asks: `/write`, `/view`, `/log`. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const cursor = {
      attempt: Number(searchParams.get("attempt") ?? 1),
      offset: Number(searchParams.get("offset") ?? 0),
    };
    if (pathname === "/write") {
      return this.#openWriter(cursor.attempt, Number(searchParams.get("cap") ?? MAX_LOG_CAP_BYTES));
    }
    if (pathname === "/view") {
      return this.#openViewer(cursor);
    }
    const only = searchParams.get("only");
    const body = readLog(this.#room, {
      format: searchParams.get("format") === "ndjson" ? "ndjson" : "text",
      stream: searchParams.get("stream"),
      only: only === null ? null : Number(only),
      cursor,
    });
    return new Response(body);
  }

  async writeBatch(attempt: number, batch: LogBatch, capBytes?: number): Promise<LogBatchAnswer> {
    await this.#lookUpRun(attempt);
    const room = this.#room;
    const { answer, ended } = onWriterBatch(room, attempt, batch, capBytes);
    if (ended && room.stored && readMeta(room, "close_at") !== null) {
      this.#close();
    }
    return answer;
  }

  async #openWriter(attempt: number, capBytes: number): Promise<Response> {
    await this.#lookUpRun(attempt);
    return openWriter(this.#room, attempt, capBytes);
  }

  async #lookUpRun(attempt: number): Promise<void> {
    const room = this.#room;
    if (!room.stored || isClosed(room)) {
      // The beginning of a live run, a requeued one, or a runner that returns after the log has been closed.
      await openFor(room, attempt);
    }
  }

  async #openViewer(cursor: { readonly attempt: number; readonly offset: number }): Promise<Response> {
    const room = this.#room;
    const { deps, workspaceId, runId } = room;
    const dispatcher = await dispatcherOfRun(deps, workspaceId, runId);
    const run = (await dispatcher.watchRun(runId)) ?? (await findPastRun(deps, workspaceId, runId));
    if (run === null) {
      return new Response(null, { status: 404 });
    }
    if (!isTerminal(run.state)) {
      arm(room, deps.clock.now() + REWATCH_MS);
    }
    return openViewer(room, run, cursor);
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const room = this.#room;
    if (attachmentOf(socket)?.kind !== "writer") {
      closeSocket(socket, 1008, "viewers send nothing but ping");
      return;
    }
    if (typeof data !== "string") {
      onWriterFrame(room, socket, data);
    } else if (onWriterText(room, socket, data) && room.stored && readMeta(room, "close_at") !== null) {
      this.#close();
    }
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    closeSocket(socket, code, reason);
  }

  /** Never throws: an alarm that fails six times is never called again. */
  override async alarm(): Promise<void> {
    const room = this.#room;
    room.alarmAt = null;
    let next = Number.POSITIVE_INFINITY;
    try {
      next = await this.#tick(room.deps.clock.now());
    } catch (error) {
      room.deps.log.error("room.alarm_failed", { runId: room.runId, error: String(error) });
      next = room.deps.clock.now() + ARCHIVE_RETRY_MS;
    } finally {
      arm(room, next);
    }
  }

  /** Does what is due; when to come back. */
  async #tick(now: number): Promise<number> {
    const room = this.#room;
    if (room.stored) {
      const archivedAt = readMeta(room, "archived_at");
      const closeAt = readMeta(room, "close_at");
      if (archivedAt !== null) {
        return this.#forget(now, Number(archivedAt));
      }
      if (closeAt !== null) {
        if (Number(closeAt) > now) {
          return Number(closeAt);
        }
        this.#close();
        return now + ARCHIVE_RETRY_MS;
      }
    }
    if (!hasViewers(room)) {
      return Number.POSITIVE_INFINITY;
    }
    const dispatcher = await dispatcherOfRun(room.deps, room.workspaceId, room.runId);
    const run = await dispatcher.watchRun(room.runId);
    if (run === null || isTerminal(run.state)) {
      return Number.POSITIVE_INFINITY;
    }
    await this.runChanged(run);
    return now + REWATCH_MS;
  }

  /** Takes no more frames and starts the archive; the alarm repeats it should it fail. */
  #close(): void {
    const room = this.#room;
    if (!room.closed) {
      writeMeta(room, "closed", "1");
      room.closed = true;
      const newest = newestOf(room);
      if (newest !== null && !newest.ended) {
        tellViewers(room, { type: "log_end", attempt: newest.attempt, logState: "incomplete" });
      }
      for (const socket of room.ctx.getWebSockets(WRITER_TAG)) {
        closeSocket(socket, 1000, "the log is closed");
      }
    }
    arm(room, room.deps.clock.now() + ARCHIVE_RETRY_MS);
    void this.#archive();
  }

  async #archive(): Promise<void> {
    const room = this.#room;
    if (room.archiving || readMeta(room, "archived_at") !== null) {
      return;
    }
    room.archiving = true;
    try {
      const last = readLastRow(room.sql);
      const bytes = await writeArchive(room, last);
      const isCurrent = room.closed && readLastRow(room.sql) === last;
      if (isCurrent) {
        const now = room.deps.clock.now();
        writeMeta(room, "archived_at", String(now));
        arm(room, now + LINGER_MS);
        room.deps.log.info("log.archived", { runId: room.runId, bytes });
      }
      // Else a requeued run has opened the log meanwhile; should it be closed again, the alarm repeats this.
    } catch (error) {
      room.deps.log.error("log.archive_failed", { runId: room.runId, error: String(error) });
    } finally {
      room.archiving = false;
    }
  }

  /** Once nobody reads from the tables any more, they go; from then on the blob answers. */
  async #forget(now: number, archivedAt: number): Promise<number> {
    const room = this.#room;
    const due = archivedAt + LINGER_MS;
    if (now < due) {
      return due;
    }
    if (room.readers > 0 || room.ctx.getWebSockets().length > 0) {
      return now + LINGER_MS;
    }
    room.stored = false;
    room.newest = null;
    room.closed = false;
    room.archived = true;
    room.storedBytes = 0;
    room.baseBlocks = [];
    room.reopenedAt = 0;
    room.forgetting = room.ctx.storage.deleteAll();
    await room.forgetting;
    room.forgetting = null;
    return Number.POSITIVE_INFINITY;
  }
}

/** The newest attempt that has a log, or a socket to write one. */
function newestAttempt(room: Room): number {
  const writing = room.ctx.getWebSockets(WRITER_TAG).map((socket) => {
    const attachment = attachmentOf(socket);
    return attachment?.kind === "writer" ? attachment.attempt : 0;
  });
  return Math.max(room.reopenedAt, newestOf(room)?.attempt ?? 0, ...writing);
}
