/**
 * A runner's way in: challenge, hello with a signature, welcome with a verdict on everything it still holds.
 *
 * Checking the signature is the one await, and anything may happen during it: the socket closes, the runner is revoked,
 * a newer socket of the same runner finishes first. So the socket is marked `verifying` before, and everything is read
 * again after.
 */
import {
  base64url,
  closeCodes,
  connectMessage,
  negotiate,
  sealingKeyMessage,
  type AttemptRef,
  type RunnerMessage,
} from "@cronium/protocol";
import { isSealingKey } from "../../auth/sealing.ts";
import { isSignatureOf } from "../../auth/ed25519.ts";
import { clockSkew } from "../../domain/runner.ts";
import { arm } from "./alarm-clock.ts";
import { removeEphemeral } from "./ephemeral.ts";
import { forgiveOutage, renewLeases, startTicking } from "./leases.ts";
import { changeFleet, unreachableAfterMs } from "./runners.ts";
import { readLiveAttempts, readWaitingOn } from "./attempts.ts";
import { readState } from "./run-rows.ts";
import { act } from "./runs.ts";
import { shardsMessage } from "./shards.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import {
  attachmentOf,
  closeSocket,
  linksOf,
  runnerTag,
  RUNNER_TAG,
  seenAt,
  send,
  transportOf,
  type Link,
  type RunnerAttachment,
} from "./sockets.ts";
import { inTurn } from "./turns.ts";

type Hello = Extract<RunnerMessage, { type: "hello" }>;

/** How long a socket may take to prove who it is. */
const HANDSHAKE_MS = 15_000;

/** Closes sockets that never answered their challenge; when to look again, infinite when none is left. */
export function closeUnanswered(shell: Shell): number {
  const now = shell.deps.clock.now();
  let next = Number.POSITIVE_INFINITY;
  for (const socket of linksOf(shell)) {
    const attachment = attachmentOf(socket);
    if (attachment?.kind !== "runner" || (attachment.stage !== "challenged" && attachment.stage !== "verifying")) {
      continue;
    }
    const until = attachment.since + HANDSHAKE_MS;
    if (until > now) {
      next = Math.min(next, until);
    } else {
      socket.serializeAttachment({ ...attachment, stage: "replaced" } satisfies RunnerAttachment);
      refuse(socket, "handshake_timeout", "The challenge was not answered in time.", closeCodes.handshakeTimeout);
    }
  }
  return next;
}

/** Takes a socket over and challenges its other end. Who it claims to be was looked up by the Worker. */
export function openRunnerSocket(
  shell: Shell,
  server: WebSocket,
  claim: { readonly runnerId: string; readonly publicKey: string },
): void {
  shell.ctx.acceptWebSocket(server, [RUNNER_TAG, runnerTag(claim.runnerId)]);
  challenge(shell, server, claim);
}

/** The first word on a new link. */
export function challenge(
  shell: Shell,
  server: Link,
  claim: { readonly runnerId: string; readonly publicKey: string },
): void {
  const nonce = base64url(shell.deps.ids.random(32));
  const attachment: RunnerAttachment = {
    kind: "runner",
    ...claim,
    nonce,
    stage: "challenged",
    epoch: null,
    since: shell.deps.clock.now(),
  };
  server.serializeAttachment(attachment);
  send(server, { type: "challenge", nonce, protocol: shell.deps.config.protocol });
  arm(shell, attachment.since + HANDSHAKE_MS);
}

/** Its link is gone. The lease, not the socket, decides what becomes of its jobs; but it gets no offers any more. */
export function runnerGone(shell: Shell, socket: Link): void {
  const attachment = attachmentOf(socket);
  if (attachment?.kind !== "runner" || attachment.stage !== "ready") {
    return;
  }
  const { runnerId } = attachment;
  inTurn(shell, (turn) => {
    const runner = shell.fleet.get(runnerId);
    if (runner !== undefined) {
      // It is no longer open, so nobody else would find the pings that it answered since the last tick.
      const lastSeenAt = Math.max(seenAt(shell, socket), runner.lastSeenAt ?? 0);
      socket.serializeAttachment({ ...attachment, stage: "replaced" } satisfies RunnerAttachment);
      changeFleet(shell, turn, runnerId, { connected: false, lastSeenAt, draining: false });
      renewLeases(shell, runnerId);
    }
  });
  shell.deps.log.info("runner.disconnected", { runnerId });
}

export async function onHello(shell: Shell, socket: Link, attachment: RunnerAttachment, hello: Hello): Promise<void> {
  const negotiated = negotiate(hello.protocol, shell.deps.config.protocol);
  if (!negotiated.ok) {
    refuse(socket, "upgrade_required", negotiated.message, closeCodes.upgradeRequired);
    return;
  }
  socket.serializeAttachment({ ...attachment, stage: "verifying" } satisfies RunnerAttachment);
  const signed = await isSigned(attachment, hello);
  const current = attachmentOf(socket);
  if (current?.kind !== "runner" || current.stage !== "verifying") {
    return;
  }
  if (!signed) {
    refuse(
      socket,
      "unauthorized",
      "The signature does not belong to this runner's key. Register the machine again.",
      closeCodes.unauthenticated,
    );
    return;
  }
  inTurn(shell, (turn) => welcome(shell, turn, socket, current, hello, negotiated.version));
}

function welcome(
  shell: Shell,
  turn: Turn,
  socket: Link,
  attachment: RunnerAttachment,
  hello: Hello,
  protocol: number,
): void {
  const { runnerId } = attachment;
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined || runner.revokedAt !== null) {
    refuse(
      socket,
      "runner_revoked",
      "This runner was revoked or removed. Register the machine again with a new token.",
      closeCodes.revoked,
    );
    return;
  }
  if (runner.servedAt !== null && hello.held.length === 0) {
    removeEphemeral(shell, turn, runnerId, "left");
    const message = "This ephemeral runner has had its job. Register the machine again with a new token.";
    refuse(socket, "runner_revoked", message, closeCodes.revoked);
    return;
  }
  forgiveOutage(shell, turn);
  replaceOlderLinks(shell, socket, runnerId);
  socket.serializeAttachment({
    ...attachment,
    stage: "ready",
    epoch: hello.epoch,
    since: turn.now,
  } satisfies RunnerAttachment);
  changeFleet(shell, turn, runnerId, {
    version: hello.version,
    platform: hello.platform,
    slots: hello.slots,
    notReady: hello.notReady,
    draining: false,
    epoch: hello.epoch,
    sealingKey: hello.sealing?.publicKey ?? null,
    protocol,
    clockSkewMs: clockSkew(hello.clock, turn.now),
    machinePausedAt: hello.paused === true ? (runner.machinePausedAt ?? turn.now) : null,
    facts: hello.facts ?? null,
    connected: true,
    connectedAt: turn.now,
    lastSeenAt: turn.now,
  });
  shell.heldOff.delete(runnerId);
  const verdicts = judge(shell, turn, { runnerId, epoch: hello.epoch }, hello);
  if (verdicts.adopt.length > 0) {
    startTicking(shell, turn);
  }
  wakeBy(turn, turn.now + unreachableAfterMs(shell));
  // Ahead of everything else this turn sends to the runner: a welcome is the first thing it acts on.
  turn.frames.unshift({
    runnerId,
    message: {
      type: "welcome",
      protocol,
      leaseMs: shell.deps.config.leaseMs,
      renewMs: shell.deps.config.renewMs,
      ...verdicts,
    },
  });
  if (shell.shards.length > 0) {
    turn.frames.push({ runnerId, message: shardsMessage(shell) });
  }
  shell.deps.log.info("runner.connected", {
    runnerId,
    name: runner.name,
    epoch: hello.epoch,
    held: hello.held.length,
    transport: transportOf(socket),
    adopted: verdicts.adopt.length,
    killed: verdicts.kill.length,
  });
}

function judge(
  shell: Shell,
  turn: Turn,
  holder: { readonly runnerId: string; readonly epoch: string },
  hello: Hello,
): { readonly adopt: AttemptRef[]; readonly kill: AttemptRef[] } {
  const adopt: AttemptRef[] = [];
  const kill: AttemptRef[] = [];
  const named = new Set<string>();
  for (const held of hello.held) {
    const ref = { runId: held.runId, attempt: held.attempt };
    named.add(`${ref.runId}:${ref.attempt}`);
    const state = readState(shell, ref.runId, ref.attempt);
    const verdict =
      state === null ? "kill" : act(shell, turn, state, { type: "hold", by: holder, held: held.state }).reply.kind;
    (verdict === "adopt" ? adopt : kill).push(ref);
  }
  const believed = [...readLiveAttempts(shell, holder.runnerId), ...readWaitingOn(shell, holder.runnerId)];
  for (const { runId, attempt } of believed) {
    const state = named.has(`${runId}:${attempt}`) ? null : readState(shell, runId, attempt);
    if (state !== null) {
      act(shell, turn, state, { type: "not_held" });
    }
  }
  return { adopt, kill };
}

function replaceOlderLinks(shell: Shell, newest: Link, runnerId: string): void {
  for (const other of linksOf(shell, runnerId)) {
    const attachment = attachmentOf(other);
    if (other !== newest && attachment?.kind === "runner" && attachment.stage === "ready") {
      other.serializeAttachment({ ...attachment, stage: "replaced" } satisfies RunnerAttachment);
      closeSocket(other, closeCodes.replaced, "another process connected with this runner's key");
    }
  }
}

function refuse(socket: Link, code: string, message: string, closeCode: number): void {
  send(socket, { type: "error", code, message });
  closeSocket(socket, closeCode, code);
}

/** Both signatures: of the connection, and of the key that secrets are to be sealed to. */
async function isSigned(attachment: RunnerAttachment, hello: Hello): Promise<boolean> {
  if (hello.runnerId !== attachment.runnerId) {
    return false;
  }
  const { nonce, publicKey } = attachment;
  const { runnerId, epoch, signature, sealing } = hello;
  return (
    (await isSignatureOf(publicKey, signature, bytesOf(connectMessage(nonce, runnerId, epoch)))) &&
    (sealing === undefined ||
      (isSealingKey(sealing.publicKey) &&
        (await isSignatureOf(
          publicKey,
          sealing.signature,
          bytesOf(sealingKeyMessage(nonce, runnerId, sealing.publicKey)),
        ))))
  );
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}
