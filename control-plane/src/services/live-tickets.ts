/**
 * Tickets for live sockets of browsers. A page of another site can open a socket with a visitor's cookie, and no script
 * of it needs to read an answer for that; asking for a ticket first takes an answer, which only our own pages can read.
 */
import type { LiveTicket } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { base64url } from "@cronium/protocol/token";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { insertLiveTicket, redeemLiveTicket } from "../store/live-tickets.ts";

const TICKET_MS = 30_000;

export async function createLiveTicket(deps: Deps, actor: Actor): Promise<LiveTicket> {
  if (actor.kind !== "user") {
    throw new AppError("forbidden", "An API key opens sockets as it is; it needs no ticket.");
  }
  const now = deps.clock.now();
  const ticket = base64url(deps.ids.random(32));
  const expiresAt = now + TICKET_MS;
  await insertLiveTicket(deps.d1, { hash: await hashToken(ticket), sessionId: actor.sessionId, expiresAt, now });
  return { ticket, expiresAt: new Date(expiresAt).toISOString() };
}

/** Throws `origin_not_allowed` for a socket without a ticket of its own session, used up by this. */
export async function takeLiveTicket(deps: Deps, actor: Actor, ticket: string | undefined): Promise<void> {
  const isGood =
    actor.kind === "user" &&
    ticket !== undefined &&
    (await redeemLiveTicket(deps.d1, await hashToken(ticket), actor.sessionId, deps.clock.now()));
  if (!isGood) {
    throw new AppError(
      "origin_not_allowed",
      "A socket with a session needs a ticket that was made for it within the last 30 seconds and not used yet.",
    );
  }
}
