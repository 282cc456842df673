/** The SHA-256 over the payloads of a log, as its end says it. */
import { createHash, type Hash } from "node:crypto";
import { decodeLogFrame } from "@cronium/protocol";
import type { Spool } from "./spool.ts";

/** Over the frames that an earlier process left; null when the first of them are no longer here. */
export function digestOf(spool: Spool): Hash | null {
  const hash = createHash("sha256");
  for (let seq = 0; seq < spool.next.seq; seq += 1) {
    const bytes = spool.read(seq);
    const decoded = bytes === null ? null : decodeLogFrame(bytes);
    if (decoded?.ok !== true) {
      return null;
    }
    hash.update(decoded.frame.payload);
  }
  return hash;
}
