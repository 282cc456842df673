/** What a workspace may ask for: runs that wait at a time, and triggers in a minute. Beyond that a trigger is refused. */
import type { Settings } from "@cronium/protocol";
import type { CountQuotaName } from "./count-quota.ts";
import type { Refusal } from "./dispatcher.ts";
import { nextTokenAt, refill, type Bucket, type Rate } from "./token-bucket.ts";

const MINUTE_MS = 60_000;

/** When to look again whether a full queue has room: it empties as fast as runners work, which nobody can foretell. */
const QUEUE_RETRY_S = 10;

/** A quota that is used up, as the RateLimit fields of an answer tell of it. */
export interface UsedUp {
  readonly name: "queued-runs" | "triggers" | CountQuotaName;
  readonly limit: number;
  /** Null where it is not per time. */
  readonly windowSeconds: number | null;
  /** Null where waiting makes no room. */
  readonly resetSeconds: number | null;
}

export function triggerRate({ triggersPerMinute }: Pick<Settings, "triggersPerMinute">): Rate {
  return { limit: triggersPerMinute, perMs: MINUTE_MS };
}

/** Why another trigger is refused now; null when it is not. `queued` are the runs that wait. */
export function overQuota(
  settings: Pick<Settings, "queueLimit" | "triggersPerMinute">,
  used: { readonly queued: number; readonly bucket: Bucket | null },
  now: number,
): Refusal | null {
  const { queueLimit } = settings;
  if (used.queued >= queueLimit) {
    return refuse(
      { name: "queued-runs", limit: queueLimit, windowSeconds: null, resetSeconds: QUEUE_RETRY_S },
      `${queueLimit} ${queueLimit === 1 ? "run waits" : "runs wait"} in this workspace, as many as may at a time (queueLimit). There is room when some have started or were cancelled; try again in ${QUEUE_RETRY_S} s.`,
    );
  }
  const rate = triggerRate(settings);
  const bucket = refill(used.bucket, rate, now);
  if (bucket.tokens >= 1) {
    return null;
  }
  const resetSeconds = Math.max(1, Math.ceil((nextTokenAt(bucket, rate) - now) / 1_000));
  return refuse(
    { name: "triggers", limit: rate.limit, windowSeconds: MINUTE_MS / 1_000, resetSeconds },
    `This workspace allows ${rate.limit} ${rate.limit === 1 ? "trigger" : "triggers"} a minute (triggersPerMinute), and they are used up. The next one is accepted in ${resetSeconds} s.`,
  );
}

/** An accepted trigger. */
export function takeTrigger(settings: Pick<Settings, "triggersPerMinute">, bucket: Bucket | null, now: number): Bucket {
  const filled = refill(bucket, triggerRate(settings), now);
  return { ...filled, tokens: filled.tokens - 1 };
}

function refuse(usedUp: UsedUp, message: string): Refusal {
  return { ok: false, code: "quota_exceeded", message, usedUp };
}
