/**
 * The chain of hashes that makes an audit tamper-evident: each entry's hash covers the entry and the hash before it.
 *
 * A workspace has several chains: that of its accounts in D1, and one in each of its Dispatchers. A chain may let go of
 * its oldest entries; the entry that says so holds the hash it goes on from, so that what is left still proves itself.
 */
import { createHash } from "node:crypto";

const GENESIS_HASH = "0".repeat(64);
/** Verb of the entry that stands for those that were let go of; its `before` is an `Anchor`. */
export const EXPIRED = "audit.expired";

export interface ChainLink {
  readonly seq: number;
  readonly entry: string;
  readonly previousHash: string;
  readonly hash: string;
}

export type ChainEnd = Pick<ChainLink, "seq" | "hash">;

/** The link that puts an entry behind the last one; `chain` names the chain and its workspace. */
export function nextLink(chain: string, last: ChainEnd | null, entry: string): ChainLink {
  const seq = (last?.seq ?? 0) + 1;
  const previousHash = last?.hash ?? GENESIS_HASH;
  return { seq, entry, previousHash, hash: chainHash(previousHash, chain, seq, entry) };
}

/** SHA-256, hex, over the hash before and the entry's text: changing or leaving out an entry breaks all that follow. */
function chainHash(previousHash: string, chain: string, seq: number, entry: string): string {
  return createHash("sha256").update(`${previousHash}\n${chain}\n${seq}\n${entry}`).digest("hex");
}

/** How far a chain has been checked. */
export interface ChainCheck {
  readonly first: ChainLink | null;
  readonly last: ChainEnd | null;
  readonly entries: number;
  /** The last entry that was let go of, as the chain itself says. */
  readonly anchor: ChainEnd | null;
  readonly brokenAt: number | null;
}

export const unchecked: ChainCheck = { first: null, last: null, entries: 0, anchor: null, brokenAt: null };

/** Checks the links that follow, in their order. */
export function checkLinks(chain: string, check: ChainCheck, links: readonly ChainLink[]): ChainCheck {
  let { first, last, entries, anchor, brokenAt } = check;
  for (const link of links) {
    const before: ChainEnd = last ?? { seq: link.seq - 1, hash: link.previousHash };
    const expected = chainHash(before.hash, chain, before.seq + 1, link.entry);
    if (link.seq !== before.seq + 1 || link.previousHash !== before.hash || link.hash !== expected) {
      brokenAt ??= before.seq + 1;
    }
    first ??= link;
    last = { seq: link.seq, hash: link.hash };
    entries += 1;
    anchor = anchorOf(link.entry) ?? anchor;
  }
  return { first, last, entries, anchor, brokenAt };
}

/** The number of the first entry that is missing or was changed; null when none is. */
export function brokenAt({ first, anchor, brokenAt: found }: ChainCheck): number | null {
  if (first === null) {
    return null;
  }
  const start = anchor ?? { seq: 0, hash: GENESIS_HASH };
  return first.seq === start.seq + 1 && first.previousHash === start.hash ? found : start.seq + 1;
}

function anchorOf(entry: string): ChainEnd | null {
  if (!entry.includes(EXPIRED)) {
    return null;
  }
  const { verb, before } = JSON.parse(entry) as { readonly verb: string; readonly before: ChainEnd | null };
  return verb === EXPIRED ? before : null;
}
