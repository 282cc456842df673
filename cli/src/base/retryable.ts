/** What is worth another try, and when: the only place of this program that decides it. */

const TRIES = 3;
const BASE_MS = 250;
const CAP_MS = 10_000;

/** Gateways that did not reach the control plane, and a control plane that says it cannot now. */
const RETRY_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * Whether to repeat a request that failed with this status, or without any (0).
 *
 * @param tries how often it has been sent
 * @param isRepeatable it changes nothing, or carries an Idempotency-Key
 */
export function isWorthAnotherTry(status: number, tries: number, isRepeatable: boolean): boolean {
  return isRepeatable && tries < TRIES && (status === 0 || RETRY_STATUS.has(status));
}

/** Full jitter up to `BASE_MS * 2^failures`, at most ten seconds. `random` is in [0, 1). */
export function backoffMs(failures: number, random: number): number {
  return Math.round(random * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures, 20)));
}

/** Follows of a log: how many connections in a row may fail before it is given up. */
export const MAX_FOLLOW_FAILURES = 12;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
