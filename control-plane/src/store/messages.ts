/** D1: messages that no mail took to people. Their links are sealed; expired ones go when new ones come. */
import type { AccountLinkKind } from "@cronium/protocol";
import { makeId } from "@cronium/protocol/ids";
import type { Clock, Ids, Mailer } from "../domain/ports.ts";

export interface MessageRow {
  readonly id: string;
  readonly kind: AccountLinkKind;
  readonly email: string;
  readonly subject: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

const COLUMNS = `id, kind, email, subject, created_at AS "createdAt", expires_at AS "expiresAt"`;
/** Anybody may ask for some of them: the list has a bound. */
const MOST = 200;

export interface OutboxParts {
  readonly d1: D1Database;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly seal: (text: string) => Promise<string>;
}

/** Keeps messages for the owner of the installation; a newer one of the same kind to an address replaces the older. */
export function outbox({ d1, clock, ids, seal }: OutboxParts): Mailer {
  return {
    sends: false,
    async deliver(mail) {
      if (mail.kind === "known" || mail.kind === "invitation") {
        // Their links are shown where they were asked for, or hold nothing.
        return;
      }
      const now = clock.now();
      await d1.batch([
        d1
          .prepare(
            `DELETE FROM messages WHERE expires_at <= ?1 OR (email = ?2 AND kind = ?3)
             OR id IN (SELECT id FROM messages ORDER BY created_at DESC LIMIT -1 OFFSET ?4)`,
          )
          .bind(now, mail.to, mail.kind, MOST - 1),
        d1
          .prepare(
            `INSERT INTO messages (id, kind, email, subject, path, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
          )
          .bind(
            makeId("message", now, ids.random(10)),
            mail.kind,
            mail.to,
            mail.subject,
            await seal(mail.path),
            now,
            mail.expiresAt,
          ),
      ]);
    },
  };
}

/** Those whose links work, newest first. */
export async function listMessageRows(d1: D1Database, now: number): Promise<MessageRow[]> {
  const { results } = await d1
    .prepare(`SELECT ${COLUMNS} FROM messages WHERE expires_at > ? ORDER BY created_at DESC LIMIT ${MOST}`)
    .bind(now)
    .all<MessageRow>();
  return results;
}

export function findMessage(
  d1: D1Database,
  id: string,
  now: number,
): Promise<(MessageRow & { readonly path: string }) | null> {
  return d1.prepare(`SELECT ${COLUMNS}, path FROM messages WHERE id = ? AND expires_at > ?`).bind(id, now).first();
}

/** Changes the row, so that its audit entry is written with it. */
export function noteShownStatement(d1: D1Database, id: string, now: number): D1PreparedStatement {
  return d1.prepare("UPDATE messages SET shown_at = ? WHERE id = ?").bind(now, id);
}

/** Those that were not printed yet; they count as printed from now on. */
export async function takeUnprinted(d1: D1Database, now: number): Promise<(MessageRow & { readonly path: string })[]> {
  const { results } = await d1
    .prepare(
      `UPDATE messages SET printed_at = ?1 WHERE printed_at IS NULL AND expires_at > ?1 RETURNING ${COLUMNS}, path`,
    )
    .bind(now)
    .all<MessageRow & { path: string }>();
  return results;
}

/** After its link was used, a message has nothing to say any more. */
export function forgetMessagesStatement(d1: D1Database, email: string, kind: AccountLinkKind): D1PreparedStatement {
  return d1.prepare("DELETE FROM messages WHERE email = ? AND kind = ?").bind(email, kind);
}
