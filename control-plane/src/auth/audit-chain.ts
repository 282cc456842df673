/** The chain of hashes that makes an audit tamper-evident: each entry's hash covers the entry and the hash before it. */
import { createHash } from "node:crypto";

export const GENESIS_HASH = "0".repeat(64);

/** SHA-256, hex, over the hash before and the entry's text: changing or leaving out an entry breaks all that follow. */
export function chainHash(previousHash: string, workspaceId: string, seq: number, entry: string): string {
  return createHash("sha256").update(`${previousHash}\n${workspaceId}\n${seq}\n${entry}`).digest("hex");
}

export interface ChainLink {
  readonly seq: number;
  readonly entry: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** The first link that does not follow from the ones before it, as its expected number; null when all do. */
export function brokenLink(workspaceId: string, links: readonly ChainLink[], from: ChainLink | null): number | null {
  let seq = from?.seq ?? 0;
  let hash = from?.hash ?? GENESIS_HASH;
  for (const link of links) {
    seq += 1;
    const expected = chainHash(hash, workspaceId, seq, link.entry);
    if (link.seq !== seq || link.previousHash !== hash || link.hash !== expected) {
      return seq;
    }
    hash = link.hash;
  }
  return null;
}
