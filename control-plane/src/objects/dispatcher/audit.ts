/**
 * The Dispatcher's own audit chain: what people and programs do to events, runs, queues, settings, secrets, variables
 * and runners, written in the turn of the act itself. Neither can be on disk without the other.
 */
import { brokenAt, checkLinks, EXPIRED, nextLink, unchecked, type ChainEnd } from "../../auth/audit-chain.ts";
import { entryText, systemStamp, type Deed, type Stamp } from "../../domain/act.ts";
import {
  chainLabel,
  chainOfShard,
  filterSql,
  type AuditAsk,
  type AuditFilter,
  type AuditRow,
  type ChainFinding,
} from "../../domain/audit.ts";
import { readSettings } from "./settings.ts";
import type { Shell, Turn } from "./shell.ts";

const COLUMNS = `seq, at, entry, previous_hash AS "previousHash", hash`;
const PAGE = 500;
const DAY_MS = 86_400_000;

export function writeAudit(shell: Shell, turn: Turn, stamp: Stamp, deed: Deed): void {
  const last = shell.sql.exec("SELECT seq, hash, at FROM audit ORDER BY seq DESC LIMIT 1").toArray()[0] as
    | (ChainEnd & { readonly at: number })
    | undefined;
  // Numbers and times grow together, whatever the clock does.
  const at = Math.max(turn.now, last?.at ?? 0);
  const link = nextLink(labelOf(shell), last ?? null, entryText(at, stamp, deed));
  shell.sql.exec(
    "INSERT INTO audit (seq, at, entry, previous_hash, hash) VALUES (?, ?, ?, ?, ?)",
    link.seq,
    at,
    link.entry,
    link.previousHash,
    link.hash,
  );
}

/** Newest first. */
export function listAudit(shell: Shell, { filter, before, limit }: AuditAsk): AuditRow[] {
  const { where, values } = filterSql(filter);
  const place = before === null ? "" : " AND (at, seq) < (?, ?)";
  return shell.sql
    .exec(
      `SELECT ${COLUMNS} FROM audit WHERE seq > 0${where}${place} ORDER BY seq DESC LIMIT ?`,
      ...values,
      ...(before === null ? [] : [before.at, before.seq]),
      limit,
    )
    .toArray() as unknown as AuditRow[];
}

/** Oldest first, after `seq`. */
export function listAuditAfter(
  shell: Shell,
  { seq, limit, filter }: { readonly seq: number; readonly limit: number; readonly filter: AuditFilter },
): AuditRow[] {
  const { where, values } = filterSql(filter);
  return shell.sql
    .exec(`SELECT ${COLUMNS} FROM audit WHERE seq > ?${where} ORDER BY seq LIMIT ?`, seq, ...values, limit)
    .toArray() as unknown as AuditRow[];
}

export function verifyAudit(shell: Shell): ChainFinding {
  let check = unchecked;
  for (;;) {
    const rows = listAuditAfter(shell, { seq: check.last?.seq ?? 0, limit: PAGE, filter: {} });
    check = checkLinks(labelOf(shell), check, rows);
    if (rows.length < PAGE) {
      return { chain: chainOfShard(shell.shard), entries: check.entries, brokenAt: brokenAt(check) };
    }
  }
}

/** Lets go of entries that are older than the workspace keeps them, and writes down up to where. */
export function expireAudit(shell: Shell, turn: Turn): void {
  const cutoff = auditCutoff(shell, turn.now);
  const isDue = shell.sql
    .exec("SELECT 1 FROM audit WHERE at < ? AND entry->>'verb' <> ? LIMIT 1", cutoff, EXPIRED)
    .toArray();
  if (isDue.length === 0) {
    return;
  }
  const [last] = shell.sql
    .exec("SELECT seq, hash FROM audit WHERE at < ? ORDER BY seq DESC LIMIT 1", cutoff)
    .toArray() as unknown as readonly ChainEnd[];
  if (last !== undefined) {
    const before = { seq: last.seq, hash: last.hash };
    writeAudit(shell, turn, systemStamp("retention"), { verb: EXPIRED, target: chainOfShard(shell.shard), before });
    shell.sql.exec("DELETE FROM audit WHERE seq <= ?", last.seq);
  }
}

/** Entries from before this may go; milliseconds since 1970. */
export function auditCutoff(shell: Shell, now: number): number {
  return now - readSettings(shell.sql).auditRetentionDays * DAY_MS;
}

function labelOf({ workspaceId, shard }: Shell): string {
  return chainLabel(workspaceId, shard);
}
