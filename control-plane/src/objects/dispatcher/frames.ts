/** What a runner says after its handshake, frame by frame. Frames that arrive close together share a turn. */
import { AppError } from "@cronium/protocol/errors";
import { parseStrictJson } from "@cronium/protocol/json";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { DEFAULT_LOG_CAP_BYTES, MAX_FRAME_BYTES } from "@cronium/protocol/limits";
import { closeCodes, RunnerMessage, type AttemptRef, type Json, type ServerMessage } from "@cronium/protocol";
import * as z from "zod";
import { clockSkew } from "../../domain/runner.ts";
import type { Command } from "../../domain/run-machine.ts";
import type { DeclineReason } from "../../domain/run-offer.ts";
import type { HandedValues } from "../../domain/sharding.ts";
import type { Holder, Reply, RunState } from "../../domain/run-step.ts";
import { signLogToken } from "../../services/log-tokens.ts";
import { noteServed, removeEphemeral, takeOut } from "./ephemeral.ts";
import { decideCall, prepareCall, type Before } from "./calls/calls.ts";
import { onUncached } from "./calls/readers.ts";
import { acceptOrRefuse, handOver } from "./grants.ts";
import type { Work } from "./group-commit.ts";
import { type Fetched, fetchValues, refKey } from "./handed-values.ts";
import { onHello } from "./handshake.ts";
import { logCapOf } from "./jobs.ts";
import { renewLeases, startTicking } from "./leases.ts";
import { machineSaid, noteMetrics } from "./machines.ts";
import { changeFleet, changeRunner } from "./runners.ts";
import { readState } from "./run-rows.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { attachmentOf, closeSocket, send, transportOf, type Link } from "./sockets.ts";
import { StepChain } from "./step-chain.ts";
import { inTurn } from "./turns.ts";

/** How long a runner that declined for want of room gets no offers. */
const HOLD_OFF_MS = 5_000;

const NONE_FETCHED: Fetched = new Map();

type Working = Exclude<RunnerMessage, { type: "hello" }>;

/** A frame of a runner that is through its handshake: read and valid, not decided yet. */
export interface RunnerFrame {
  readonly socket: Link;
  readonly message: Working;
  /** With an accept in a shard: what home gave for it. */
  readonly fetched?: Fetched;
  /** With a call: what was found out before its turn. */
  readonly before?: Before;
}

/** Takes one frame as it arrives; `decideLater` may put its decision into a turn with others. */
export async function onRunnerFrame(
  shell: Shell,
  socket: Link,
  data: string | ArrayBuffer,
  decideLater: (frame: RunnerFrame) => void = (frame) => decideAlone(shell, frame),
): Promise<void> {
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
  if (message.type === "accept" && shell.shard !== HOME_SHARD) {
    const fetched = await fetchValues(shell, attachment.runnerId, message.jobs);
    decideLater({ socket, message, fetched });
    return;
  }
  if (message.type === "call") {
    const { runnerId, epoch } = attachment;
    prepareCall(shell, { runnerId, epoch }, message, (before) => decideLater({ socket, message, before }));
    return;
  }
  if (message.type === "metrics") {
    // It is shown to who looks, and nothing else: no turn, and nothing is written.
    noteMetrics(shell, attachment.runnerId, message.metrics);
    return;
  }
  if (message.type === "uncached") {
    onUncached(shell, { runnerId: attachment.runnerId, epoch: attachment.epoch }, message.id);
    return;
  }
  decideLater({ socket, message });
}

/** The frame as work for a group commit. */
export function frameWork(shell: Shell, frame: RunnerFrame): Work {
  return {
    decide: (turn, chain) => decideFrame(shell, turn, chain, frame),
    committed: () => afterFrame(shell, frame),
    failed: (error) => {
      frame.before?.end?.();
      shell.deps.log.error("frame.failed", {
        workspaceId: shell.workspaceId,
        type: frame.message.type,
        error: String(error),
      });
    },
  };
}

function decideAlone(shell: Shell, frame: RunnerFrame): void {
  inTurn(shell, (turn) => {
    const chain = new StepChain(shell, turn);
    decideFrame(shell, turn, chain, frame);
    chain.settle();
  });
  afterFrame(shell, frame);
}

/** Who speaks on this socket now; it may have been replaced, or its runner revoked, since the frame was read. */
function holderOf(shell: Shell, socket: Link): Holder | null {
  const attachment = attachmentOf(socket);
  if (attachment?.kind !== "runner" || attachment.stage !== "ready" || attachment.epoch === null) {
    return null;
  }
  const { runnerId, epoch } = attachment;
  return shell.fleet.get(runnerId)?.revokedAt === null ? { runnerId, epoch } : null;
}

function decideFrame(shell: Shell, turn: Turn, chain: StepChain, frame: RunnerFrame): void {
  const { socket, message } = frame;
  const holder = holderOf(shell, socket);
  if (holder !== null) {
    if (message.type === "renew" && transportOf(socket) === "websocket") {
      // Of a session every request counts; of a socket only pings do.
      changeRunner(shell, turn, holder.runnerId, { lastSeenAt: turn.now });
    }
    handle(shell, turn, chain, holder, frame);
  }
}

function afterFrame(shell: Shell, { socket, message, before }: RunnerFrame): void {
  before?.end?.();
  const attachment = attachmentOf(socket);
  if (message.type === "bye" && message.leave !== true) {
    closeSocket(socket, 1000, "bye");
  } else if (attachment?.kind === "runner" && shell.fleet.get(attachment.runnerId)?.revokedAt !== null) {
    closeSocket(socket, closeCodes.revoked, "runner_revoked");
  }
}

function parse(socket: Link, text: string): RunnerMessage | null {
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
    const code = isResult(json, parsed.error) ? "invalid_result" : "invalid_frame";
    refuse(socket, z.prettifyError(parsed.error).slice(0, 1_000), 1008, code);
    return null;
  }
  return parsed.data;
}

/** The frame is known, and how the job ended is what makes no sense in it. */
function isResult(json: Json, error: z.ZodError): boolean {
  const type =
    typeof json === "object" && json !== null && "type" in json ? (json as { readonly type: Json }).type : null;
  const fields: readonly unknown[] = type === "exited" ? ["result"] : type === "done" ? ["jobs"] : [];
  return fields.length > 0 && error.issues.every(({ path }) => fields.includes(path[0]));
}

function refuse(
  socket: Link,
  message: string,
  closeCode: number,
  code: "invalid_frame" | "invalid_result" = "invalid_frame",
): void {
  send(socket, { type: "error", code, message });
  closeSocket(socket, closeCode, code);
}

function handle(
  shell: Shell,
  turn: Turn,
  chain: StepChain,
  by: Holder,
  { message, fetched = NONE_FETCHED, before = {} }: RunnerFrame,
): void {
  const decided = (ref: AttemptRef, command: Command | ((state: RunState) => Command), output?: Json): void => {
    const values = fetched.get(refKey(ref)) ?? null;
    chain.add(ref, command, (reply, after) => answer(shell, turn, ref, by, reply, after, values), output);
  };
  const refOf = (frame: AttemptRef): AttemptRef => ({ runId: frame.runId, attempt: frame.attempt });
  switch (message.type) {
    case "accept":
      for (const ref of message.jobs) {
        const values = fetched.get(refKey(ref));
        // Home was not reached: undecided, so that the runner asks again or the offer goes out anew.
        if (values !== null) {
          decided(ref, (state) => acceptOrRefuse(shell, state, by, values ?? null));
        }
      }
      return;
    case "decline": {
      const { reason } = message;
      const ref = refOf(message);
      const command: Command = { type: "decline", by, reason, message: message.message };
      chain.add(ref, command, (reply) => {
        // What was said of an offer that is over, or was another's, says nothing about this runner now.
        if (reply.kind === "none") {
          hold(shell, turn, by, reason);
        }
        answer(shell, turn, ref, by, reply, null);
      });
      return;
    }
    case "renew":
      // It reads attempts from storage, where those of the frames before it must be by then.
      chain.settle();
      onRenew(shell, turn, by, message);
      return;
    case "started":
      decided(refOf(message), { type: "started", by });
      return;
    case "exited":
      decided(refOf(message), { type: "exited", by, result: message.result }, message.result.output);
      return;
    case "done":
      for (const { logBytes, logState, ...ref } of message.jobs) {
        decided(ref, { type: "done", by, log: { logBytes, logState } });
      }
      return;
    case "status":
      changeFleet(shell, turn, by.runnerId, {
        notReady: message.notReady,
        draining: message.draining,
        latencyMs: message.latencyMs,
        ...(message.slots === undefined ? {} : { slots: message.slots }),
        ...(message.clock === undefined ? {} : { clockSkewMs: clockSkew(message.clock, turn.now) }),
        ...machineSaid(shell, by.runnerId, message, turn.now),
      });
      shell.heldOff.delete(by.runnerId);
      return;
    case "call": {
      // It asks whether the attempt lives, which the frames before it may have ended.
      chain.settle();
      const { answer: said, stale } = decideCall(shell, turn, by, { message, before });
      tell(turn, by, said);
      if (stale) {
        audit(shell, refOf(message), by, said.error?.code ?? "stale_attempt");
        tell(turn, by, { type: "stale", ...refOf(message) });
      }
      return;
    }
    case "uncached":
    case "metrics":
      return;
    case "bye":
      changeFleet(shell, turn, by.runnerId, { draining: true });
      if (message.leave === true) {
        takeOut(shell, turn, by.runnerId, "left");
      } else {
        removeEphemeral(shell, turn, by.runnerId, "left");
      }
      return;
    default:
      message satisfies never;
  }
}

/** A runner that declined gets no offers for a while; one that is draining, none until it has started again. */
function hold(shell: Shell, turn: Turn, by: Holder, reason: DeclineReason): void {
  if (reason === "draining" && shell.fleet.get(by.runnerId)?.machinePausedAt !== null) {
    // An offer that crossed the word that it is paused.
    return;
  }
  if (reason === "draining") {
    changeFleet(shell, turn, by.runnerId, { draining: true });
  } else if (reason !== "policy_denied") {
    shell.heldOff.set(by.runnerId, turn.now + HOLD_OFF_MS);
    wakeBy(turn, turn.now + HOLD_OFF_MS);
  }
}

function onRenew(shell: Shell, turn: Turn, by: Holder, message: Extract<Working, { type: "renew" }>): void {
  renewLeases(shell, by.runnerId);
  const stale = message.attempts.filter(({ runId, attempt }) => {
    const held = readState(shell, runId, attempt)?.attempt;
    const live = held?.state === "accepted" || held?.state === "running" || held?.state === "finishing";
    return !live || held.runnerId !== by.runnerId || held.epoch !== by.epoch;
  });
  tell(turn, by, { type: "renewed", id: message.id, leaseMs: shell.deps.config.leaseMs, stale });
}

function tell(turn: Turn, by: Holder, message: ServerMessage): void {
  turn.frames.push({ runnerId: by.runnerId, message });
}

/** Grants and acknowledgements that follow one another to the same runner travel in one frame. */
function answer(
  shell: Shell,
  turn: Turn,
  ref: AttemptRef,
  by: Holder,
  reply: Reply,
  after: RunState | null,
  fetched: HandedValues | null = null,
): void {
  switch (reply.kind) {
    case "granted": {
      startTicking(shell, turn);
      noteServed(shell, turn, by.runnerId);
      const { leaseMs, logTokenKey } = shell.deps.config;
      const run = after?.run ?? readState(shell, ref.runId, ref.attempt)?.run;
      const capBytes = run === undefined ? DEFAULT_LOG_CAP_BYTES : logCapOf(shell, run);
      const logToken = signLogToken(logTokenKey, { workspaceId: shell.workspaceId, ...ref, capBytes }, turn.now);
      const handed = after === null ? {} : handOver(shell, turn, after.run, { ref, runnerId: by.runnerId, fetched });
      const grant = { ...ref, leaseMs, logToken, ...handed };
      const last = lastFrameTo(turn, by);
      // Values may be large: a grant with some of them travels alone.
      if (last?.type === "granted" && Object.keys(handed).length === 0) {
        last.grants.push(grant);
      } else {
        tell(turn, by, { type: "granted", grants: [grant] });
      }
      return;
    }
    case "refused":
      audit(shell, ref, by, reply.code);
      tell(turn, by, { type: "refused", ...ref, code: reply.code });
      return;
    case "ack": {
      const earlier = ackTo(turn, by, reply.of);
      if (earlier === null) {
        tell(turn, by, { type: "ack", of: reply.of, jobs: [ref] });
      } else {
        earlier.jobs.push(ref);
      }
      return;
    }
    case "stale":
      audit(shell, ref, by, reply.code);
      tell(turn, by, { type: "stale", ...ref });
      return;
    case "invalid":
      tell(turn, by, { type: "error", code: "invalid_result", message: reply.message });
      return;
    case "adopt":
    case "kill":
    case "none":
      return;
    default:
      reply satisfies never;
  }
}

function lastFrameTo(turn: Turn, by: Holder): ServerMessage | undefined {
  const last = turn.frames.at(-1);
  return last?.runnerId === by.runnerId ? last.message : undefined;
}

/** Of the turn's last frames to this runner, the acknowledgement of that kind. */
function ackTo(turn: Turn, by: Holder, of: "exited" | "done"): Extract<ServerMessage, { type: "ack" }> | null {
  for (let back = 1; back <= 2; back += 1) {
    const frame = turn.frames.at(-back);
    if (frame?.runnerId !== by.runnerId || frame.message.type !== "ack") {
      return null;
    }
    if (frame.message.of === of) {
      return frame.message;
    }
  }
  return null;
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
