/** What becomes of a poll for a device's key (RFC 8628, section 3.5), and how guessing of user codes is held off. */

/** Life of the codes: long enough to find a browser, too short to be passed around. */
export const DEVICE_LOGIN_MS = 600_000;
/** How long an ended login is remembered, so that a late poll is told `expired_token` instead of `invalid_grant`. */
export const DEVICE_LOGIN_KEPT_MS = 3_600_000;
export const POLL_INTERVAL_MS = 5_000;
/** A poll that comes early adds this much for all that follow. */
const SLOW_DOWN_MS = 5_000;
const LONGEST_INTERVAL_MS = 60_000;
/** A client sleeps by its own clock, and networks do not take the same time twice. */
const POLL_TOLERANCE_MS = 500;

export const MAX_WRONG_CODES = 5;
export const WRONG_CODES_WINDOW_MS = 600_000;

export interface PolledLogin {
  readonly state: string;
  readonly expiresAt: number;
  readonly intervalMs: number;
  readonly polledAt: number | null;
}

export type PollVerdict =
  | { readonly kind: "used" | "expired" | "denied" | "approved" }
  | { readonly kind: "pending" | "slow_down"; readonly intervalMs: number };

/** A decision is told at once, however fast it is asked for; only waiting is paced. */
export function judgePoll(login: PolledLogin, now: number): PollVerdict {
  if (login.state === "used") {
    return { kind: "used" };
  }
  if (login.expiresAt <= now) {
    return { kind: "expired" };
  }
  if (login.state === "denied" || login.state === "approved") {
    return { kind: login.state };
  }
  const isEarly = login.polledAt !== null && now - login.polledAt < login.intervalMs - POLL_TOLERANCE_MS;
  return isEarly
    ? { kind: "slow_down", intervalMs: Math.min(login.intervalMs + SLOW_DOWN_MS, LONGEST_INTERVAL_MS) }
    : { kind: "pending", intervalMs: login.intervalMs };
}
