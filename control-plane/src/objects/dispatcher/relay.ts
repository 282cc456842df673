/**
 * The workspace's live socket ends at home. While it has viewers home tells the shards so, and they hand on what changes:
 * one call at a time, in order, the newest state of each run.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import { toSummary } from "../../domain/run.ts";
import type { Shell, Turn } from "./shell.ts";
import { LIVE_TAG, sendText } from "./sockets.ts";

const WATCHED_MS = 150_000;
const TELL_AGAIN_MS = 60_000;
const RETRY_MS = 1_000;

export function readWatchedUntil(sql: SqlStorage): number {
  const row = sql.exec("SELECT value FROM meta WHERE key = 'watched_until'").toArray()[0];
  return Number(row?.["value"] ?? 0);
}

/** Home's: when the shards have to be told again that somebody watches; infinite while nobody does. */
export function watchDueAt(shell: Shell): number {
  return shell.shards.length > 0 && shell.ctx.getWebSockets(LIVE_TAG).length > 0
    ? shell.relay.toldAt + TELL_AGAIN_MS
    : Number.POSITIVE_INFINITY;
}

/** Never throws: a shard that was not reached is told with the next round. */
export async function tellWatched(shell: Shell): Promise<void> {
  const now = shell.deps.clock.now();
  if (watchDueAt(shell) > now) {
    return;
  }
  shell.relay.toldAt = now;
  const calls = shell.shards.map((shard) =>
    shell.deps.dispatcherFor(shell.workspaceId, shard).learn({ watchedMs: WATCHED_MS }),
  );
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === "rejected") {
      shell.deps.log.warn("live.not_told", { workspaceId: shell.workspaceId, error: String(result.reason) });
    }
  }
}

/** The shard's side of `tellWatched`. */
export function learnWatched(shell: Shell, turn: Turn, watchedMs: number): void {
  shell.relay.until = turn.now + watchedMs;
  shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('watched_until', ?)", String(shell.relay.until));
}

/** After a commit of a shard. */
export function relayChanges(shell: Shell, turn: Turn): void {
  const { relay } = shell;
  if (shell.shard === HOME_SHARD || relay.until <= turn.now) {
    return;
  }
  for (const [id, run] of turn.changedRuns) {
    relay.waiting.set(id, JSON.stringify({ type: "run", run: toSummary(run) }));
  }
  if (!relay.sending && relay.waiting.size > 0) {
    void sendOn(shell);
  }
}

async function sendOn(shell: Shell): Promise<void> {
  const { relay } = shell;
  relay.sending = true;
  while (relay.waiting.size > 0 && relay.until > shell.deps.clock.now()) {
    const taken = [...relay.waiting];
    relay.waiting.clear();
    try {
      await shell.deps.dispatcherFor(shell.workspaceId).relay(taken.map(([, text]) => text));
    } catch (error) {
      shell.deps.log.warn("live.not_relayed", { workspaceId: shell.workspaceId, error: String(error) });
      for (const [id, text] of taken) {
        if (!relay.waiting.has(id)) {
          relay.waiting.set(id, text);
        }
      }
      await scheduler.wait(RETRY_MS);
    }
  }
  relay.waiting.clear();
  relay.sending = false;
}

/** Home's side: to everybody who watches the workspace. */
export function showRelayed(shell: Shell, texts: readonly string[]): void {
  for (const socket of shell.ctx.getWebSockets(LIVE_TAG)) {
    for (const text of texts) {
      sendText(socket, text);
    }
  }
}
