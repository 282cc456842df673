/**
 * Links to runners, and sockets of viewers. A link is a WebSocket or a polling session (`polls.ts`), and everybody but
 * these two files treats them alike. What a link knows of its other end lies in its attachment, which survives
 * hibernation for sockets; a session ends with the instance, as sockets do when the process dies.
 */
import type { ServerMessage, Transport, WorkspaceLiveMessage } from "@cronium/protocol";
import { PollLink } from "./poll-link.ts";
import type { Shell } from "./shell.ts";

/** What is needed of a connection to a runner. */
export type Link = Pick<WebSocket, "send" | "close" | "readyState" | "serializeAttachment" | "deserializeAttachment">;

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

export function attachmentOf(link: Link): Attachment | null {
  return link.deserializeAttachment() as Attachment | null;
}

/** All links of all runners, or of one. */
export function linksOf(shell: Shell, runnerId?: string): Link[] {
  const sockets: Link[] = shell.ctx.getWebSockets(runnerId === undefined ? RUNNER_TAG : runnerTag(runnerId));
  for (const poll of shell.polls.values()) {
    if (runnerId === undefined || poll.runnerId === runnerId) {
      sockets.push(poll);
    }
  }
  return sockets;
}

/** The link over which a runner is served now; null when it has none. */
export function readyLink(shell: Shell, runnerId: string): Link | null {
  for (const link of linksOf(shell, runnerId)) {
    const attachment = attachmentOf(link);
    if (attachment?.kind === "runner" && attachment.stage === "ready" && link.readyState === WebSocket.OPEN) {
      return link;
    }
  }
  return null;
}

export function transportOf(link: Link): Transport {
  return link instanceof PollLink ? "polling" : "websocket";
}

/** Newest sign of life of a ready link: its handshake, its last ping or its last request. */
export function seenAt(shell: Shell, link: Link): number {
  const attachment = attachmentOf(link);
  const readyAt = attachment?.kind === "runner" ? attachment.since : 0;
  const heard =
    link instanceof PollLink ? link.heardAt : shell.ctx.getWebSocketAutoResponseTimestamp(link as WebSocket)?.getTime();
  return Math.max(readyAt, heard ?? 0);
}

/** Sends if the socket still takes it; a runner that misses a frame is told again when it reconnects. */
export function send(socket: Link, message: ServerMessage | WorkspaceLiveMessage): void {
  sendText(socket, JSON.stringify(message));
}

export function sendText(socket: Link, text: string): void {
  try {
    socket.send(text);
  } catch {
    // It closed meanwhile; webSocketClose deals with that.
  }
}

/** Closes every socket of a runner, whatever stage it is at. */
export function closeSocketsOf(shell: Shell, runnerId: string, code: number, reason: string): void {
  for (const socket of linksOf(shell, runnerId)) {
    closeSocket(socket, code, reason);
  }
}

/** Closes with a code that may be sent: the codes that only report an abnormal end may not. */
export function closeSocket(socket: Link, code: number, reason: string): void {
  const sendable = code === 1005 || code === 1006 || code === 1015 ? 1000 : code;
  try {
    socket.close(sendable, reason.slice(0, 120));
  } catch {
    // Closed already.
  }
}
