/** Sockets of the Dispatcher. What one knows of its other end lies in its attachment, which survives hibernation. */
import type { ServerMessage, WorkspaceLiveMessage } from "@cronium/protocol";
import type { Shell } from "./shell.ts";

/** Where a runner's socket is in its handshake; `replaced` ones are on their way out and count for nothing. */
export interface RunnerAttachment {
  readonly kind: "runner";
  readonly runnerId: string;
  readonly publicKey: string;
  readonly nonce: string;
  readonly stage: "challenged" | "verifying" | "ready" | "replaced";
  readonly epoch: string | null;
  /** When it was opened; once ready, when it became so. */
  readonly since: number;
}
export interface LiveAttachment {
  readonly kind: "live";
}
export type Attachment = RunnerAttachment | LiveAttachment;

export const RUNNER_TAG = "runner";
export const LIVE_TAG = "live";

/** Tag of all sockets of one runner. */
export function runnerTag(runnerId: string): string {
  return `runner:${runnerId}`;
}

export function attachmentOf(socket: WebSocket): Attachment | null {
  return socket.deserializeAttachment() as Attachment | null;
}

/** The socket over which a runner is served now; null when it has none. */
export function readySocket(shell: Shell, runnerId: string): WebSocket | null {
  for (const socket of shell.ctx.getWebSockets(runnerTag(runnerId))) {
    const attachment = attachmentOf(socket);
    if (attachment?.kind === "runner" && attachment.stage === "ready" && socket.readyState === WebSocket.OPEN) {
      return socket;
    }
  }
  return null;
}

/** Newest sign of life of a ready socket: its handshake or its last ping. */
export function seenAt(shell: Shell, socket: WebSocket): number {
  const attachment = attachmentOf(socket);
  const readyAt = attachment?.kind === "runner" ? attachment.since : 0;
  const ping = shell.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
  return Math.max(readyAt, ping);
}

/** Sends if the socket still takes it; a runner that misses a frame is told again when it reconnects. */
export function send(socket: WebSocket, message: ServerMessage | WorkspaceLiveMessage): void {
  sendText(socket, JSON.stringify(message));
}

export function sendText(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    // It closed meanwhile; webSocketClose deals with that.
  }
}

/** Closes every socket of a runner, whatever stage it is at. */
export function closeSocketsOf(shell: Shell, runnerId: string, code: number, reason: string): void {
  for (const socket of shell.ctx.getWebSockets(runnerTag(runnerId))) {
    closeSocket(socket, code, reason);
  }
}

/** Closes with a code that may be sent: the codes that only report an abnormal end may not. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  const sendable = code === 1005 || code === 1006 || code === 1015 ? 1000 : code;
  try {
    socket.close(sendable, reason.slice(0, 120));
  } catch {
    // Closed already.
  }
}
