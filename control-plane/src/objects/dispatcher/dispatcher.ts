/**
 * The Dispatcher of a workspace: the authority over its events, runs, attempts, leases and runners. Rules lie in
 * `domain/`; this object reads, asks them, writes in one turn, and only then tells anybody (`turns.ts`).
 *
 * What may interleave: every RPC call, frame and alarm is decided in a synchronous turn, which triggers and frames that
 * arrive close together share (`group-commit.ts`). So nothing does, but for what re-reads after its await:
 * the signature check of a handshake, the drain of the outbox, retrying in bulk, and calls between Dispatchers.
 */
import type { Bulk, BulkPreview, Event, PollAnswer, Queue, Run, Runner } from "@cronium/protocol";
import { closeCodes } from "@cronium/protocol/runner";
import type { Env } from "../../deps.ts";
import type {
  DispatcherApi,
  EnqueueCommand,
  Enqueued,
  Outcome,
  RegisterRunnerCommand,
  StartBulkCommand,
} from "../../domain/dispatcher.ts";
import type { EngineStats } from "../../domain/engine-stats.ts";
import { checkUp, onAlarm } from "./alarm.ts";
import { listAudit, listAuditAfter, verifyAudit } from "./audit.ts";
import {
  cancelRunFor,
  changeEventFor,
  createEventFor,
  registerRunnerFor,
  drainRunnerFor,
  releaseRunnerFor,
  setRunnerPauseFor,
  requeueRunFor,
  setQueuePauseFor,
  startBulkFor,
  stopBulkFor,
  updateRunFor,
  updateSettingsFor,
} from "./audited.ts";
import { readBulk } from "./bulk.ts";
import { previewBulk } from "./bulk-walk.ts";
import { readRows } from "./calls/artifact-rows.ts";
import { commitArtifact } from "./calls/artifacts.ts";
import { closeDown, listRooms } from "./closing.ts";
import { enqueue, enqueueBatch } from "./enqueue.ts";
import { readEvent, readEventVersions } from "./events.ts";
import { frameWork, onRunnerFrame } from "./frames.ts";
import type { GroupCommit } from "./group-commit.ts";
import { openRunnerSocket, runnerGone } from "./handshake.ts";
import { inspectRunner } from "./machines.ts";
import { poll } from "./polls.ts";
import { readQueues } from "./queues.ts";
import { revokeRunner } from "./revocation.ts";
import { viewRunner } from "./runners.ts";
import { arm } from "./alarm-clock.ts";
import { tellWatched, watchDueAt } from "./relay.ts";
import { tellShards } from "./shard-news.ts";
import { tellRulesNow, tellRunnerNow } from "./tell.ts";
import { releaseRuns } from "./retention.ts";
import { readRun } from "./run-rows.ts";
import { viewRun } from "./whole-runs.ts";
import { readSettings, settingsVersion } from "./settings.ts";
import type { Shell } from "./shell.ts";
import { closeSocket, closeSocketsOf, LIVE_TAG } from "./sockets.ts";
import { afterStart } from "./start.ts";
import { readStats } from "./stats.ts";
import { inTurn } from "./turns.ts";
import { ValueMethods } from "./value-methods.ts";
import { watchRun } from "./watches.ts";

export class Dispatcher extends ValueMethods implements DispatcherApi {
  readonly #shell: Shell;
  readonly #group: GroupCommit;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#shell = this.shell;
    this.#group = this.group;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    void ctx.blockConcurrencyWhile(async () => {
      this.#shell.alarmAt = await ctx.storage.getAlarm();
      afterStart(this.#shell);
    });
  }

  async createEvent(
    command: Parameters<DispatcherApi["createEvent"]>[0],
  ): Promise<Outcome<{ readonly event: Event; readonly created: boolean }>> {
    return inTurn(this.#shell, (turn) => createEventFor(this.#shell, turn, command));
  }

  async updateEvent(command: Parameters<DispatcherApi["updateEvent"]>[0]): Promise<Outcome<Event>> {
    return inTurn(this.#shell, (turn) => changeEventFor(this.#shell, turn, command));
  }

  async getEvent(eventId: string): Promise<Event | null> {
    return readEvent(this.#shell, eventId);
  }

  async listEventVersions(eventId: string): Promise<readonly Event[]> {
    return readEventVersions(this.#shell, eventId);
  }

  async enqueue(command: EnqueueCommand): Promise<Outcome<Enqueued>> {
    return this.#group.call((turn) => enqueue(this.#shell, turn, command));
  }

  async enqueueBatch(batch: Parameters<DispatcherApi["enqueueBatch"]>[0]): ReturnType<DispatcherApi["enqueueBatch"]> {
    return this.#group.call((turn) => enqueueBatch(this.#shell, turn, batch));
  }

  async getRun(runId: string): Promise<Run | null> {
    const run = readRun(this.#shell, runId);
    return run === null ? null : viewRun(this.#shell, run);
  }

  async updateRun(command: Parameters<DispatcherApi["updateRun"]>[0]): Promise<Outcome<Run>> {
    return inTurn(this.#shell, (turn) => updateRunFor(this.#shell, turn, command));
  }

  async cancelRun(command: Parameters<DispatcherApi["cancelRun"]>[0]): ReturnType<DispatcherApi["cancelRun"]> {
    return inTurn(this.#shell, (turn) => cancelRunFor(this.#shell, turn, command));
  }

  async requeueRun(command: Parameters<DispatcherApi["requeueRun"]>[0]): ReturnType<DispatcherApi["requeueRun"]> {
    return inTurn(this.#shell, (turn) => requeueRunFor(this.#shell, turn, command));
  }

  async releaseRuns(ids: readonly string[]): Promise<readonly string[]> {
    return inTurn(this.#shell, (turn) => releaseRuns(this.#shell, turn, ids));
  }

  async registerRunner(command: RegisterRunnerCommand): Promise<Outcome<Runner>> {
    const shell = this.#shell;
    const outcome = inTurn(shell, (turn) => {
      if (shell.fleet.has(command.runnerId)) {
        tellShards(shell, turn, `again:${command.runnerId}`);
      }
      return registerRunnerFor(shell, turn, command);
    });
    const runner = shell.fleet.get(command.runnerId);
    if (!outcome.ok || runner === undefined) {
      return outcome.ok ? { ok: false, code: "internal", message: "The runner was not stored." } : outcome;
    }
    // A registration replaces the key, so whoever is connected with the old one has to prove itself anew.
    closeSocketsOf(shell, command.runnerId, closeCodes.unauthenticated, "registered again");
    return { ok: true, value: viewRunner(shell, runner) };
  }

  async revokeRunner(runnerId: string): Promise<Outcome<null>> {
    this.#group.flush();
    return revokeRunner(this.#shell, runnerId);
  }

  async releaseRunner(command: Parameters<DispatcherApi["releaseRunner"]>[0]): Promise<Outcome<Runner>> {
    return inTurn(this.#shell, (turn) => releaseRunnerFor(this.#shell, turn, command));
  }

  async setRunnerPause(command: Parameters<DispatcherApi["setRunnerPause"]>[0]): Promise<Outcome<Runner>> {
    const outcome = inTurn(this.#shell, (turn) => setRunnerPauseFor(this.#shell, turn, command));
    await tellRunnerNow(this.#shell, command.runnerId);
    return outcome;
  }

  async drainRunner(command: Parameters<DispatcherApi["drainRunner"]>[0]): Promise<Outcome<Runner>> {
    return inTurn(this.#shell, (turn) => drainRunnerFor(this.#shell, turn, command));
  }

  async inspectRunner(runnerId: string): ReturnType<DispatcherApi["inspectRunner"]> {
    return inspectRunner(this.#shell, runnerId);
  }

  async poll(command: Parameters<DispatcherApi["poll"]>[0]): Promise<PollAnswer> {
    return poll(this.#shell, this.#group, command);
  }

  async listRunners(): Promise<readonly Runner[]> {
    // An ephemeral runner that has gone was never meant to be seen again.
    const listed = [...this.#shell.fleet.values()].filter((runner) => !runner.ephemeral || runner.revokedAt === null);
    return listed.map((runner) => viewRunner(this.#shell, runner));
  }

  async listQueues(): Promise<readonly Queue[]> {
    return readQueues(this.#shell);
  }

  async setQueuePause(command: Parameters<DispatcherApi["setQueuePause"]>[0]): Promise<Queue> {
    const queue = inTurn(this.#shell, (turn) => setQueuePauseFor(this.#shell, turn, command));
    await tellRulesNow(this.#shell);
    return queue;
  }

  async getSettings(): ReturnType<DispatcherApi["getSettings"]> {
    return { settings: readSettings(this.#shell.sql), version: settingsVersion(this.#shell.sql) };
  }

  async updateSettings(
    command: Parameters<DispatcherApi["updateSettings"]>[0],
  ): ReturnType<DispatcherApi["updateSettings"]> {
    const settings = inTurn(this.#shell, (turn) => updateSettingsFor(this.#shell, turn, command));
    await tellRulesNow(this.#shell);
    return settings;
  }

  async commitArtifact(
    command: Parameters<DispatcherApi["commitArtifact"]>[0],
  ): ReturnType<DispatcherApi["commitArtifact"]> {
    this.#group.flush();
    return inTurn(this.#shell, (turn) => commitArtifact(this.#shell, turn, command));
  }

  async artifactNumbers(runIds: readonly string[]): ReturnType<DispatcherApi["artifactNumbers"]> {
    return this.isErased
      ? []
      : runIds
          .flatMap((runId) => readRows(this.#shell.sql, runId))
          .map(({ run_id: runId, number }) => ({ runId, number }));
  }

  async watchRun(runId: string): Promise<Run | null> {
    const shell = this.#shell;
    return inTurn(shell, (turn) => {
      const run = readRun(shell, runId);
      if (run === null) {
        return null;
      }
      watchRun(shell, turn, runId);
      return viewRun(shell, run);
    });
  }

  /** Called once a minute by the watchdog too: an alarm that was lost, or is overdue, is set again. */
  async check(): ReturnType<DispatcherApi["check"]> {
    return checkUp(this.#shell);
  }

  async previewBulk(command: Parameters<DispatcherApi["previewBulk"]>[0]): Promise<BulkPreview> {
    return previewBulk(this.#shell, command);
  }

  async startBulk(command: StartBulkCommand): Promise<Outcome<{ readonly bulkId: string }>> {
    return inTurn(this.#shell, (turn) => startBulkFor(this.#shell, turn, command));
  }

  async getBulk(bulkId: string): Promise<Bulk | null> {
    return readBulk(this.#shell, bulkId);
  }

  async stopBulk(command: Parameters<DispatcherApi["stopBulk"]>[0]): Promise<Outcome<Bulk>> {
    return inTurn(this.#shell, (turn) => stopBulkFor(this.#shell, turn, command));
  }

  async listAudit(ask: Parameters<DispatcherApi["listAudit"]>[0]): ReturnType<DispatcherApi["listAudit"]> {
    return listAudit(this.#shell, ask);
  }

  async listAuditAfter(
    ask: Parameters<DispatcherApi["listAuditAfter"]>[0],
  ): ReturnType<DispatcherApi["listAuditAfter"]> {
    return listAuditAfter(this.#shell, ask);
  }

  async verifyAudit(): ReturnType<DispatcherApi["verifyAudit"]> {
    return verifyAudit(this.#shell);
  }

  async closeDown(): Promise<void> {
    if (!this.isErased) {
      this.#group.flush();
      closeDown(this.#shell);
    }
  }

  async listRooms(page: Parameters<DispatcherApi["listRooms"]>[0]): Promise<readonly string[]> {
    return this.isErased ? [] : listRooms(this.#shell, page);
  }

  async erase(): Promise<void> {
    this.isErased = true;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  async stats(): Promise<EngineStats> {
    return readStats(this.#shell);
  }

  /** Sockets only, and only from the Worker: `/runner?runnerId=…` with the key in a header, and `/live`. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const { 0: client, 1: server } = new WebSocketPair();
    if (pathname === "/runner") {
      openRunnerSocket(this.#shell, server, {
        runnerId: searchParams.get("runnerId") ?? "",
        publicKey: request.headers.get("x-cronium-public-key") ?? "",
      });
    } else {
      this.ctx.acceptWebSocket(server, [LIVE_TAG]);
      server.serializeAttachment({ kind: "live" });
      this.#shell.relay.toldAt = 0;
      await tellWatched(this.#shell);
      arm(this.#shell, watchDueAt(this.#shell));
    }
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    await onRunnerFrame(this.#shell, socket, data, (frame) => this.#group.frame(frameWork(this.#shell, frame)));
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    closeSocket(socket, code, reason);
    await this.webSocketError(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    if (!this.isErased) {
      this.#group.flush();
      runnerGone(this.#shell, socket);
    }
  }

  override async alarm(): Promise<void> {
    if (!this.isErased) {
      this.#group.flush();
      onAlarm(this.#shell);
    }
  }
}
