/** D1: tickets for live sockets of browsers, by hash. Each is good for one socket of the session it was made for. */

export async function insertLiveTicket(
  d1: D1Database,
  ticket: { readonly hash: string; readonly sessionId: string; readonly expiresAt: number; readonly now: number },
): Promise<void> {
  await d1.batch([
    d1.prepare("DELETE FROM live_tickets WHERE expires_at <= ?").bind(ticket.now),
    d1
      .prepare("INSERT INTO live_tickets (hash, session_id, expires_at) VALUES (?, ?, ?)")
      .bind(ticket.hash, ticket.sessionId, ticket.expiresAt),
  ]);
}

/** Whether it was there, unused and not expired; it is gone after. */
export async function redeemLiveTicket(d1: D1Database, hash: string, sessionId: string, now: number): Promise<boolean> {
  const row = await d1
    .prepare("DELETE FROM live_tickets WHERE hash = ? AND session_id = ? AND expires_at > ? RETURNING hash")
    .bind(hash, sessionId, now)
    .first();
  return row !== null;
}
