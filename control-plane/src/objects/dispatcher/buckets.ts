/** Token buckets of events with a rate limit: stored, with a copy in memory. Rules: `domain/token-bucket.ts`. */
import { refill, type Bucket, type Rate } from "../../domain/token-bucket.ts";
import type { Line, Shell } from "./shell.ts";

export function bucketNow(shell: Shell, line: Line, eventId: string, rate: Rate, now: number): Bucket {
  let bucket = line.buckets.get(eventId);
  if (bucket === undefined) {
    const row = shell.sql.exec("SELECT tokens, at FROM buckets WHERE event_id = ?", eventId).toArray()[0];
    bucket = row === undefined ? null : { tokens: row["tokens"] as number, at: row["at"] as number };
    line.buckets.set(eventId, bucket);
  }
  return refill(bucket, rate, now);
}

export function takeToken(shell: Shell, line: Line, eventId: string, rate: Rate, now: number): void {
  const full = bucketNow(shell, line, eventId, rate, now);
  const bucket = { ...full, tokens: full.tokens - 1 };
  line.buckets.set(eventId, bucket);
  shell.sql.exec(
    "INSERT OR REPLACE INTO buckets (event_id, tokens, at) VALUES (?, ?, ?)",
    eventId,
    bucket.tokens,
    bucket.at,
  );
}
