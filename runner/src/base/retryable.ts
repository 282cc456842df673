/** What is worth another try, and when: the only place of the runner that decides it. */

export const RECONNECT_BASE_MS = 1_000;
export const RECONNECT_CAP_MS = 60_000;

/**
 * Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a random moment up to
 * `base * 2^failures`, capped, so that a thousand runners do not come back together.
 *
 * @param failures tries that failed in a row, from 1
 * @param random a number in [0, 1)
 */
export function backoffMs(
  failures: number,
  random: number,
  base: number = RECONNECT_BASE_MS,
  cap: number = RECONNECT_CAP_MS,
): number {
  const ceiling = Math.min(cap, base * 2 ** Math.min(failures - 1, 30));
  return Math.round(random * ceiling);
}

export type ConnectRefusal = "revoked" | "upgrade" | "retry";

/**
 * What an HTTP answer in place of a connection means. A 403 or 426 counts only with our own code in the body: proxies
 * and firewalls answer so as well, and a runner must survive those.
 */
export function connectRefusal(status: number, problemCode: string | null): ConnectRefusal {
  if (status === 401 || (status === 403 && problemCode === "runner_revoked")) {
    return "revoked";
  }
  return status === 426 && problemCode === "upgrade_required" ? "upgrade" : "retry";
}

const DAEMON_GONE = new Set(["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE", "EACCES", "ETIMEDOUT", "ENOTFOUND"]);

/** What a daemon that has lost its containerd answers, which it has stopped first when it shuts down. */
const DAEMON_GOING = /client connection is closing|transport is closing|daemon is shutting down|containerd\.sock/i;

/** Whether an error means that the Docker daemon did not answer, or is going, as against an answer that says no. */
export function isDaemonGone(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (typeof code === "string" && DAEMON_GONE.has(code)) {
    return true;
  }
  return /socket hang up|aborted/i.test(error.message) || DAEMON_GOING.test(error.message) || isDaemonGone(error.cause);
}
