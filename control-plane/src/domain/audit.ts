/**
 * The audit as it is read: several chains as one list. Newest first by time, then by the name of the chain, then by
 * number; a position in that order is found again in each chain, so that pages neither repeat nor skip.
 */

/** The chain of people, keys and tokens, in D1. */
export const ACCOUNTS = "accounts";

/** That of a Dispatcher: `dispatcher` for the workspace's own, `dispatcher/3` for a shard's. */
export function chainOfShard(shard: number): string {
  return shard === 0 ? "dispatcher" : `dispatcher/${shard}`;
}

/** What is hashed with each entry of a Dispatcher, so that none can be moved into another chain. */
export function chainLabel(workspaceId: string, shard: number): string {
  return `${workspaceId}/${chainOfShard(shard)}`;
}

export interface AuditRow {
  readonly seq: number;
  readonly at: number;
  /** The entry as it was hashed, JSON. */
  readonly entry: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** Undefined fields match everything. `verb` may be a beginning that ends in a dot. */
export interface AuditFilter {
  readonly verb?: string | undefined;
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface AuditAsk {
  readonly filter: AuditFilter;
  /** Entries before this, newest first; null from the newest. */
  readonly before: { readonly at: number; readonly seq: number } | null;
  readonly limit: number;
}

/** The condition of a filter over rows with `at` and `entry`, and its values: the same words in D1 and in an object. */
export function filterSql({ verb, actor, target, from, to }: AuditFilter): {
  readonly where: string;
  readonly values: readonly (string | number)[];
} {
  const parts: [string, string | number | undefined][] = [
    [verb?.endsWith(".") === true ? "instr(entry->>'verb', ?) = 1" : "entry->>'verb' = ?", verb],
    ["entry->>'$.actor.id' = ?", actor],
    ["entry->>'target' = ?", target],
    ["at >= ?", from],
    ["at < ?", to],
  ];
  const used = parts.flatMap(([text, value]) => (value === undefined ? [] : [{ text, value }]));
  return { where: used.map(({ text }) => ` AND ${text}`).join(""), values: used.map(({ value }) => value) };
}

/** Where a list stands. */
export interface AuditPosition {
  readonly at: number;
  readonly chain: string;
  readonly seq: number;
}

/** The same place in one chain. */
export function placeIn(chain: string, position: AuditPosition | null): AuditAsk["before"] {
  if (position === null) {
    return null;
  }
  const { at, seq } = position;
  // Of equal times, chains that come later in the order are still to be shown whole, those before it not at all.
  const below = chain === position.chain ? seq : chain > position.chain ? Number.MAX_SAFE_INTEGER : 0;
  return { at, seq: below };
}

/** Negative when `a` is shown first, newest first. */
export function newestFirst(a: AuditPosition, b: AuditPosition): number {
  return b.at - a.at || (a.chain < b.chain ? -1 : a.chain > b.chain ? 1 : b.seq - a.seq);
}

/** What one chain's check found. */
export interface ChainFinding {
  readonly chain: string;
  readonly entries: number;
  readonly brokenAt: number | null;
}
