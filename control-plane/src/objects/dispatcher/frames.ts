/** What a runner says after its handshake, frame by frame. Every frame is one turn. */
import { AppError } from "@cronium/protocol/errors";
import { parseStrictJson } from "@cronium/protocol/json";
import { MAX_FRAME_BYTES } from "@cronium/protocol/limits";
import { closeCodes, RunnerMessage, type AttemptRef, type Json, type ServerMessage } from "@cronium/protocol";
import * as z from "zod";
import type { Command } from "../../domain/run-machine.ts";
import type { Holder, Reply } from "../../domain/run-step.ts";
import { signLogToken } from "../../services/log-tokens.ts";
import { onHello } from "./handshake.ts";
import { renewLeases, startTicking } from "./leases.ts";
import { changeFleet, changeRunner } from "./runners.ts";
import { act, readState } from "./runs.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { attachmentOf, closeSocket, send } from "./sockets.ts";
import { inTurn } from "./turns.ts";

/** How long a runner that declined for want of room gets no offers. */
const HOLD_OFF_MS = 5_000;

export async function onRunnerFrame(shell: Shell, socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
  const attachment = attachmentOf(socket);
  if (attachment?.kind !== "runner" || attachment.stage === "replaced") {
    return;
  }
  if (typeof data !== "string") {
    refuse(socket, "Frames on this socket are JSON texts, not binary.", 1003);
    return;
  }
  const message = parse(socket, data);
  if (message === null) {
    return;
  }
  if (message.type === "hello") {
    if (attachment.stage !== "challenged") {
      refuse(socket, "hello is sent once, as the answer to the challenge.", 1008);
      return;
    }
    await onHello(shell, socket, attachment, message);
    return;
  }
  if (attachment.stage !== "ready" || attachment.epoch === null) {
    refuse(socket, `${message.type} came before the handshake was done.`, 1008);
    return;
  }
  const holder = { runnerId: attachment.runnerId, epoch: attachment.epoch };
  if (shell.fleet.get(holder.runnerId)?.revokedAt !== null) {
    closeSocket(socket, closeCodes.revoked, "runner_revoked");
    return;
  }
  inTurn(shell, (turn) => handle(shell, turn, holder, message));
  if (message.type === "bye") {
    closeSocket(socket, 1000, "bye");
  }
}

function parse(socket: WebSocket, text: string): RunnerMessage | null {
  if (text.length > MAX_FRAME_BYTES) {
    refuse(socket, `A frame has at most ${MAX_FRAME_BYTES} bytes, this one ${text.length}.`, 1009);
    return null;
  }
  let json: Json;
  try {
    json = parseStrictJson(text);
  } catch (error) {
    refuse(socket, error instanceof AppError ? error.message : String(error), 1007);
    return null;
  }
  const parsed = RunnerMessage.safeParse(json);
  if (!parsed.success) {
    refuse(socket, z.prettifyError(parsed.error).slice(0, 1_000), 1008);
    return null;
  }
  return parsed.data;
}

function refuse(socket: WebSocket, message: string, closeCode: number): void {
  send(socket, { type: "error", code: "invalid_frame", message });
  closeSocket(socket, closeCode, "invalid_frame");
}

type Working = Exclude<RunnerMessage, { type: "hello" }>;

function handle(shell: Shell, turn: Turn, by: Holder, message: Working): void {
  const tell = (reply: ServerMessage): void => {
    turn.frames.push({ runnerId: by.runnerId, message: reply });
  };
  switch (message.type) {
    case "accept":
      onAccept(shell, turn, by, message.jobs, tell);
      return;
    case "decline": {
      const { runId, attempt, reason } = message;
      if (reason === "draining") {
        changeFleet(shell, turn, by.runnerId, { draining: true });
      } else if (reason !== "policy_denied") {
        shell.heldOff.set(by.runnerId, turn.now + HOLD_OFF_MS);
        wakeBy(turn, turn.now + HOLD_OFF_MS);
      }
      const command = { type: "decline", by, reason, message: message.message } as const;
      answer(shell, { runId, attempt }, by, apply(shell, turn, { runId, attempt }, command), tell);
      return;
    }
    case "renew":
      onRenew(shell, turn, by, message, tell);
      return;
    case "started": {
      const ref = { runId: message.runId, attempt: message.attempt };
      answer(shell, ref, by, apply(shell, turn, ref, { type: "started", by }), tell);
      return;
    }
    case "exited": {
      const ref = { runId: message.runId, attempt: message.attempt };
      const command = { type: "exited", by, result: message.result } as const;
      answer(shell, ref, by, apply(shell, turn, ref, command, message.result.output), tell);
      return;
    }
    case "done":
      for (const { runId, attempt, logBytes, logState } of message.jobs) {
        const ref = { runId, attempt };
        const command = { type: "done", by, log: { logBytes, logState } } as const;
        answer(shell, ref, by, apply(shell, turn, ref, command), tell);
      }
      return;
    case "status":
      changeFleet(shell, turn, by.runnerId, {
        notReady: message.notReady,
        draining: message.draining,
        latencyMs: message.latencyMs,
      });
      shell.heldOff.delete(by.runnerId);
      return;
    case "bye":
      changeFleet(shell, turn, by.runnerId, { draining: true });
      return;
    default:
      message satisfies never;
  }
}

function apply(shell: Shell, turn: Turn, ref: AttemptRef, command: Command, output?: Json): Reply {
  const state = readState(shell, ref.runId, ref.attempt);
  return state === null ? { kind: "stale", code: "stale_attempt" } : act(shell, turn, state, command, output).reply;
}

function onAccept(
  shell: Shell,
  turn: Turn,
  by: Holder,
  jobs: readonly AttemptRef[],
  tell: (message: ServerMessage) => void,
): void {
  const grants = [];
  for (const ref of jobs) {
    const reply = apply(shell, turn, ref, { type: "accept", by });
    if (reply.kind === "granted") {
      grants.push({
        ...ref,
        leaseMs: shell.deps.config.leaseMs,
        logToken: signLogToken(shell.deps.config.logTokenKey, { workspaceId: shell.workspaceId, ...ref }, turn.now),
      });
    } else {
      const code = reply.kind === "refused" ? reply.code : "stale_attempt";
      audit(shell, ref, by, code);
      tell({ type: "refused", ...ref, code });
    }
  }
  if (grants.length > 0) {
    startTicking(shell, turn);
    tell({ type: "granted", grants });
  }
}

function onRenew(
  shell: Shell,
  turn: Turn,
  by: Holder,
  message: Extract<Working, { type: "renew" }>,
  tell: (message: ServerMessage) => void,
): void {
  changeRunner(shell, turn, by.runnerId, { lastSeenAt: turn.now });
  renewLeases(shell, by.runnerId);
  const stale = message.attempts.filter(({ runId, attempt }) => {
    const held = readState(shell, runId, attempt)?.attempt;
    const live = held?.state === "accepted" || held?.state === "running" || held?.state === "finishing";
    return !live || held.runnerId !== by.runnerId || held.epoch !== by.epoch;
  });
  tell({ type: "renewed", id: message.id, leaseMs: shell.deps.config.leaseMs, stale });
}

function answer(shell: Shell, ref: AttemptRef, by: Holder, reply: Reply, tell: (message: ServerMessage) => void): void {
  switch (reply.kind) {
    case "ack":
      tell({ type: "ack", of: reply.of, jobs: [ref] });
      return;
    case "stale":
      audit(shell, ref, by, reply.code);
      tell({ type: "stale", ...ref });
      return;
    case "invalid":
      tell({ type: "error", code: "invalid_result", message: reply.message });
      return;
    case "refused":
    case "granted":
    case "adopt":
    case "kill":
    case "none":
      return;
    default:
      reply satisfies never;
  }
}

function audit(shell: Shell, ref: AttemptRef, by: Holder, code: string): void {
  shell.deps.log.warn("attempt.refused", {
    workspaceId: shell.workspaceId,
    runId: ref.runId,
    attempt: ref.attempt,
    runnerId: by.runnerId,
    epoch: by.epoch,
    code,
  });
}
