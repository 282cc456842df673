/** Acts on people, keys and tokens: done and written down in one transaction, listed, exported and verified. */
import type { AuditEntry, AuditQuery, AuditVerdict } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { brokenLink, chainHash, GENESIS_HASH, type ChainLink } from "../auth/audit-chain.ts";
import type { Deps } from "../deps.ts";
import type { Act, Deed } from "../domain/act.ts";
import { actorId, type Actor } from "../domain/actor.ts";
import { auditRowsAfter, auditStatement, lastAuditRow, listAuditRows, type AuditRow } from "../store/account-audit.ts";
import { readCursor, writeCursor } from "./page-cursor.ts";

/** Others may write to the same chain at the same moment; each try reads its end anew. */
const TRIES = 8;
const VERIFY_PAGE = 500;

/**
 * Runs the statements and their audit entry as one transaction. The last statement decides: where it changes nothing,
 * nothing is written down. Answers the results of the statements.
 */
export async function commitAct<Row>(
  deps: Pick<Deps, "d1" | "clock">,
  act: Act,
  deed: Deed,
  statements: readonly D1PreparedStatement[],
  workspaceId: string = act.actor.workspaceId,
): Promise<D1Result<Row>[]> {
  const { d1, clock } = deps;
  const at = clock.now();
  const entry = JSON.stringify({
    at: new Date(at).toISOString(),
    actor: { kind: act.actor.kind, id: actorId(act.actor) },
    ip: act.ip,
    requestId: act.requestId,
    verb: deed.verb,
    target: deed.target,
    before: deed.before ?? null,
    after: deed.after ?? null,
  });
  for (let attempt = 1; ; attempt += 1) {
    const last = await lastAuditRow(d1, workspaceId);
    const seq = (last?.seq ?? 0) + 1;
    const previousHash = last?.hash ?? GENESIS_HASH;
    const row: AuditRow = {
      seq,
      at,
      entry,
      previousHash,
      hash: chainHash(previousHash, workspaceId, seq, entry),
    };
    try {
      const results = await d1.batch<Row>([...statements, auditStatement(d1, workspaceId, row)]);
      return results.slice(0, -1);
    } catch (cause) {
      if (!String(cause).includes("UNIQUE constraint failed: account_audit") || attempt === TRIES) {
        throw cause;
      }
    }
  }
}

/** Newest first. */
export async function listAudit(
  deps: Deps,
  actor: Actor,
  query: AuditQuery,
): Promise<{ readonly items: AuditEntry[]; readonly nextCursor: string | null }> {
  const at = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  const rows = await listAuditRows(deps.d1, actor.workspaceId, {
    verb: query.verb,
    actor: query.actor,
    target: query.target,
    from: at(query.from),
    to: at(query.to),
    before: readCursor(query.cursor)?.at ?? null,
    limit: query.limit + 1,
  });
  const items = rows.slice(0, query.limit);
  const last = items.at(-1);
  return {
    items: items.map(viewEntry),
    nextCursor: rows.length > query.limit && last !== undefined ? writeCursor({ at: last.seq, id: "" }) : null,
  };
}

/** Recomputes every hash, from the first entry to the last. */
export async function verifyAudit(deps: Deps, actor: Actor): Promise<AuditVerdict> {
  let before: ChainLink | null = null;
  let entries = 0;
  for (;;) {
    const rows: AuditRow[] = await auditRowsAfter(deps.d1, actor.workspaceId, before?.seq ?? 0, VERIFY_PAGE);
    const brokenAt = brokenLink(actor.workspaceId, rows, before);
    if (brokenAt !== null) {
      const message = `Entry ${brokenAt} is missing or was changed: everything from there on cannot be trusted.`;
      return { isIntact: false, entries: entries + rows.length, brokenAt, message };
    }
    entries += rows.length;
    before = rows.at(-1) ?? before;
    if (rows.length < VERIFY_PAGE) {
      return { isIntact: true, entries, brokenAt: null, message: `All ${entries} entries are as they were written.` };
    }
  }
}

/** Oldest first, one JSON text a line. */
export function exportAudit(deps: Deps, actor: Actor): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let after = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const rows = await auditRowsAfter(deps.d1, actor.workspaceId, after, VERIFY_PAGE);
      for (const row of rows) {
        controller.enqueue(encoder.encode(`${JSON.stringify(viewEntry(row))}\n`));
      }
      after = rows.at(-1)?.seq ?? after;
      if (rows.length < VERIFY_PAGE) {
        controller.close();
      }
    },
  });
}

function viewEntry(row: AuditRow): AuditEntry {
  const entry = JSON.parse(row.entry) as Omit<AuditEntry, "seq" | "hash">;
  return { seq: row.seq, ...entry, hash: row.hash };
}

/** Throws `proof_required` for a session whose user has not given the password lately. Keys are proof by themselves. */
export function requireProof(deps: Pick<Deps, "clock">, actor: Actor): void {
  if (actor.kind === "user" && actor.provenUntil <= deps.clock.now()) {
    throw new AppError("proof_required", "This needs your password once more; it was last given a while ago.");
  }
}
