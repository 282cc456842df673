/**
 * The Dispatcher of a workspace: the authority over its events, runs, attempts, leases and runners. Rules lie in
 * `domain/`; this object reads, asks them, writes in one turn, and only then tells anybody (`turns.ts`).
 *
 * What may interleave: every RPC call, frame and alarm is one synchronous turn, so none does, with two exceptions that
 * re-read after their await: the signature check of a handshake and the drain of the outbox.
 */
import { DurableObject } from "cloudflare:workers";
import type { Event, Run, Runner, RunState, UpdateEvent } from "@cronium/protocol";
import { isTerminal } from "@cronium/protocol/run-states";
import { closeCodes } from "@cronium/protocol/runner";
import { makeDeps, type Env } from "../../deps.ts";
import type { DispatcherApi, EnqueueCommand, Outcome, RegisterRunnerCommand } from "../../domain/dispatcher.ts";
import { justEnded } from "../../domain/transition.ts";
import { onAlarm, nextWake } from "./alarm.ts";
import { arm } from "./alarm-clock.ts";
import { enqueue } from "./enqueue.ts";
import { createEvent, readEvent, readEventVersions, updateEvent } from "./events.ts";
import { onRunnerFrame } from "./frames.ts";
import { openRunnerSocket } from "./handshake.ts";
import { forgiveOutage, readTickDueAt, renewLeases } from "./leases.ts";
import { countOutbox } from "./outbox.ts";
import { changeFleet, newestSign, readFleet, registerRunner, viewRunner } from "./runners.ts";
import { act, readRun, readState, viewRun } from "./runs.ts";
import { migrate } from "./schema.ts";
import type { Shell } from "./shell.ts";
import { attachmentOf, closeSocket, LIVE_TAG, runnerTag, type RunnerAttachment } from "./sockets.ts";
import { inTurn } from "./turns.ts";

/** A room that has viewers asks again well within this. */
const WATCH_MS = 600_000;
/** An alarm this late will not come by itself any more. */
const OVERDUE_MS = 120_000;

export class Dispatcher extends DurableObject<Env> implements DispatcherApi {
  readonly #shell: Shell;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const deps = makeDeps(env);
    const { sql } = ctx.storage;
    migrate(ctx.storage, deps.clock.now());
    this.#shell = {
      ctx,
      sql,
      deps,
      workspaceId: ownName(ctx),
      fleet: readFleet(sql),
      heldOff: new Map(),
      alarmAt: null,
      tickDueAt: readTickDueAt(sql),
      draining: false,
      drainFailures: 0,
      tidiedAt: 0,
      watches: new Map(
        sql
          .exec("SELECT run_id, until FROM watches")
          .toArray()
          .map((row) => [row["run_id"] as string, row["until"] as number]),
      ),
    };
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    void ctx.blockConcurrencyWhile(async () => {
      this.#shell.alarmAt = await ctx.storage.getAlarm();
      this.#afterStart();
    });
  }

  /** Runners whose socket vanished with an earlier process are offline until they return; their leases start anew. */
  #afterStart(): void {
    const shell = this.#shell;
    inTurn(shell, (turn) => {
      forgiveOutage(shell, turn);
      for (const runner of shell.fleet.values()) {
        if (runner.connected && ctxHasNo(shell, runner.id)) {
          changeFleet(shell, turn, runner.id, { connected: false });
        }
      }
    });
  }

  async createEvent(
    command: Parameters<DispatcherApi["createEvent"]>[0],
  ): Promise<Outcome<{ readonly event: Event; readonly created: boolean }>> {
    return inTurn(this.#shell, (turn) => createEvent(this.#shell, turn, command));
  }

  async updateEvent(command: { readonly eventId: string; readonly change: UpdateEvent }): Promise<Outcome<Event>> {
    return inTurn(this.#shell, (turn) => updateEvent(this.#shell, turn, command));
  }

  async getEvent(eventId: string): Promise<Event | null> {
    return readEvent(this.#shell, eventId);
  }

  async listEventVersions(eventId: string): Promise<readonly Event[]> {
    return readEventVersions(this.#shell, eventId);
  }

  async enqueue(command: EnqueueCommand): Promise<Outcome<{ readonly runId: string; readonly created: boolean }>> {
    return inTurn(this.#shell, (turn) => enqueue(this.#shell, turn, command));
  }

  async getRun(runId: string): Promise<Run | null> {
    const run = readRun(this.#shell, runId);
    return run === null ? null : viewRun(this.#shell, run);
  }

  async cancelRun(runId: string): Promise<Outcome<{ readonly runId: string; readonly state: RunState }>> {
    const shell = this.#shell;
    return inTurn(shell, (turn) => {
      const before = readState(shell, runId);
      if (before === null) {
        return { ok: false, code: "not_found", message: `There is no live run ${runId}.` };
      }
      const { run } = act(shell, turn, before, { type: "cancel" });
      if (isTerminal(run.state) && !justEnded(before.run, run) && run.state !== "cancelled") {
        return { ok: false, code: "already_final", message: `The run has ended already: ${run.state}.` };
      }
      return { ok: true, value: { runId, state: run.state } };
    });
  }

  async registerRunner(command: RegisterRunnerCommand): Promise<Outcome<Runner>> {
    const shell = this.#shell;
    const outcome = inTurn(shell, (turn) => registerRunner(shell, turn, command));
    const runner = shell.fleet.get(command.runnerId);
    if (!outcome.ok || runner === undefined) {
      return outcome.ok ? { ok: false, code: "internal", message: "The runner was not stored." } : outcome;
    }
    // A registration replaces the key, so whoever is connected with the old one has to prove itself anew.
    this.#closeSockets(command.runnerId, closeCodes.unauthenticated, "registered again");
    return { ok: true, value: viewRunner(shell, runner) };
  }

  async revokeRunner(runnerId: string): Promise<Outcome<null>> {
    const shell = this.#shell;
    const known = inTurn(shell, (turn) => {
      if (!shell.fleet.has(runnerId)) {
        return false;
      }
      changeFleet(shell, turn, runnerId, { revokedAt: turn.now, connected: false });
      return true;
    });
    if (!known) {
      return { ok: false, code: "not_found", message: `There is no runner ${runnerId}.` };
    }
    this.#closeSockets(runnerId, closeCodes.revoked, "runner_revoked");
    return { ok: true, value: null };
  }

  async listRunners(): Promise<readonly Runner[]> {
    return [...this.#shell.fleet.values()].map((runner) => viewRunner(this.#shell, runner));
  }

  async watchRun(runId: string): Promise<Run | null> {
    const shell = this.#shell;
    return inTurn(shell, (turn) => {
      const run = readRun(shell, runId);
      if (run === null) {
        return null;
      }
      const until = turn.now + WATCH_MS;
      shell.sql.exec("INSERT OR REPLACE INTO watches (run_id, until) VALUES (?, ?)", runId, until);
      shell.watches.set(runId, until);
      return viewRun(shell, run);
    });
  }

  /** Called once a minute by the watchdog too: an alarm that was lost, or is overdue, is set again. */
  async check(): Promise<{ readonly outboxRows: number }> {
    const shell = this.#shell;
    if (shell.alarmAt !== null && shell.alarmAt < shell.deps.clock.now() - OVERDUE_MS) {
      shell.alarmAt = null;
    }
    arm(shell, nextWake(shell));
    return inTurn(shell, (turn) => {
      this.#shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('checked_at', ?)", String(turn.now));
      return { outboxRows: countOutbox(this.#shell) };
    });
  }

  /** Sockets only, and only from the Worker: `/runner?runnerId=…` with the key in a header, and `/live`. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/runner") {
      return openRunnerSocket(this.#shell, {
        runnerId: searchParams.get("runnerId") ?? "",
        publicKey: request.headers.get("x-cronium-public-key") ?? "",
      });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [LIVE_TAG]);
    server.serializeAttachment({ kind: "live" });
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    await onRunnerFrame(this.#shell, socket, data);
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    closeSocket(socket, code, reason);
    this.#gone(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#gone(socket);
  }

  override async alarm(): Promise<void> {
    onAlarm(this.#shell);
  }

  /** The lease, not the socket, decides what becomes of its jobs; but it gets no offers any more. */
  #gone(socket: WebSocket): void {
    const shell = this.#shell;
    const attachment = attachmentOf(socket);
    if (attachment?.kind !== "runner" || attachment.stage !== "ready") {
      return;
    }
    const { runnerId } = attachment;
    inTurn(shell, (turn) => {
      const runner = shell.fleet.get(runnerId);
      if (runner !== undefined) {
        renewLeases(shell, runnerId);
        const lastSeenAt = newestSign(shell, runner);
        socket.serializeAttachment({ ...attachment, stage: "replaced" } satisfies RunnerAttachment);
        changeFleet(shell, turn, runnerId, { connected: false, lastSeenAt, draining: false });
      }
    });
    shell.deps.log.info("runner.disconnected", { runnerId });
  }

  #closeSockets(runnerId: string, code: number, reason: string): void {
    for (const socket of this.ctx.getWebSockets(runnerTag(runnerId))) {
      closeSocket(socket, code, reason);
    }
  }
}

function ctxHasNo(shell: Shell, runnerId: string): boolean {
  return !shell.ctx.getWebSockets(runnerTag(runnerId)).some((socket) => {
    const attachment = attachmentOf(socket);
    return attachment?.kind === "runner" && attachment.stage === "ready";
  });
}

function ownName(ctx: DurableObjectState): string {
  const stored = ctx.storage.sql.exec("SELECT value FROM meta WHERE key = 'workspace_id'").toArray()[0];
  if (stored !== undefined) {
    return stored["value"] as string;
  }
  const { name } = ctx.id;
  if (name === undefined) {
    throw new Error("A Dispatcher is reached by the name of its workspace, never by a bare id.");
  }
  ctx.storage.sql.exec("INSERT INTO meta (key, value) VALUES ('workspace_id', ?)", name);
  return name;
}
