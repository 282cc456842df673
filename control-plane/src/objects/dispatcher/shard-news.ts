/** Notes in home's outbox of what its shards have to be told; `tell.ts` tells it. */
import { addToOutbox } from "./outbox.ts";
import type { Shell, Turn } from "./shell.ts";

/** `again`: a runner that was registered again, under a new key. */
type News = "rules" | `event:${string}` | `runner:${string}` | `again:${string}`;

/** Does nothing without shards. */
export function tellShards(shell: Shell, turn: Turn, what: News): void {
  if (shell.shards.length > 0) {
    const rev = readRev(shell) + 1;
    shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('told_rev', ?)", String(rev));
    addToOutbox(turn, "tell", what, rev);
  }
}

/** Grows with every note. */
export function readRev(shell: Shell): number {
  const row = shell.sql.exec("SELECT value FROM meta WHERE key = 'told_rev'").toArray()[0];
  return Number(row?.["value"] ?? 0);
}
