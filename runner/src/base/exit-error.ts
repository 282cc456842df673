/** Why the program ends, with the exit code that scripts and service managers act on. */

export const exitCodes = {
  ok: 0,
  /** A fault of the program itself. */
  internal: 1,
  /** A wrong flag, value or file. */
  usage: 2,
  /** The registration token was refused. */
  auth: 3,
  /** The name or the data folder is taken, or a newer process uses this runner's key. */
  conflict: 4,
  /** Runner and control plane are too far apart; one has to be upgraded. */
  upgrade: 5,
  /** The control plane could not be reached while registering. */
  network: 7,
  /** `doctor` found something to fix. */
  unhealthy: 8,
  /** The one job of a runner with --ephemeral or --once was taken from it before its result was delivered. */
  jobLost: 9,
  /** It made room for a newer process on the same jobs, and its service manager is to start that one. */
  replaced: 75,
  /** The runner was revoked; a restart cannot help. */
  revoked: 77,
  /** No executor can ever work on this machine. */
  noExecutor: 78,
} as const;

export type ExitReason = keyof typeof exitCodes;

/** Ends the program with two lines: the cause, and what to do next. */
export class ExitError extends Error {
  readonly reason: ExitReason;
  readonly next: string;

  constructor(reason: ExitReason, message: string, next: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ExitError";
    this.reason = reason;
    this.next = next;
  }

  get code(): number {
    return exitCodes[this.reason];
  }
}
