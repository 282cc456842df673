/**
 * The wire version between a runner and the control plane.
 *
 * One integer for every frame in `runner.ts` and `log-frame.ts`. Raise it when a frame changes in a way that the
 * previous version cannot read or would misread; an added optional field is not such a change. Both sides accept
 * their own version N and N-1, because hosted Workers, Durable Objects and runners are never all updated at once.
 */
export const PROTOCOL_VERSION = 2;

/** From this version on a runner names a key in `hello` that secrets are sealed to, and reads grants that hold them. */
export const SEALING_SINCE = 2;

/** From this version on a runner says what its clock says, for the warning that it is wrong. */
export const CLOCK_SINCE = 2;

/** From this version on a runner knows the settings of a job's container; an older one gets no job that has any. */
export const CONTAINER_SINCE = 2;

/** From this version on a runner may say that it leaves for good, that it is paused, and how its machine is. */
export const OPERATING_SINCE = 2;

/** From this version on a runner hands on what its jobs ask of the control plane (`calls.ts`). */
export const CALLS_SINCE = 2;

/** From this version on a log's end may say the SHA-256 of all of it (`log-frame.ts`). */
export const DIGEST_SINCE = 2;

/** The oldest version that a side speaking `ours` still accepts: N-1, never below 1. */
export function oldestAccepted(ours: number = PROTOCOL_VERSION): number {
  return Math.max(1, ours - 1);
}

export type Negotiation =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly message: string };

/**
 * The version two sides talk: the lower of both, if each accepts it. The message of a refusal names both versions and
 * which side has to be upgraded.
 */
export function negotiate(theirs: number, ours: number = PROTOCOL_VERSION): Negotiation {
  const version = Math.min(theirs, ours);
  if (version >= oldestAccepted(ours) && version >= oldestAccepted(theirs)) {
    return { ok: true, version };
  }
  const behind = theirs < ours ? "Upgrade the runner" : "Upgrade the control plane";
  return {
    ok: false,
    message:
      `The runner speaks protocol ${theirs}, the control plane ${ours} (accepting ${oldestAccepted(ours)} to ${ours}). ` +
      `${behind}.`,
  };
}
