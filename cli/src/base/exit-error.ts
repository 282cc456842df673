/** Why the program ends, with the exit code that scripts act on. `docs/cli.md` lists the same. */

export const exitCodes = {
  ok: 0,
  /** A fault of this program or of the control plane. */
  failure: 1,
  /** A wrong command, flag, value or file; also what the control plane found wrong with a request. */
  usage: 2,
  /** Not signed in, the key is not valid any more, or its role does not suffice. */
  auth: 3,
  notFound: 4,
  /** Something else was faster, or is in the way. */
  conflict: 5,
  /** A rate limit, a quota, or too large. */
  limit: 6,
  /** No answer; the same command may be tried again. */
  network: 7,
  /** `--timeout` passed while waiting; the run goes on. */
  waitTimedOut: 8,
  /** The run failed or timed out. */
  runFailed: 10,
  runCancelled: 11,
  /** The run expired or was skipped: it never started. */
  runNotStarted: 12,
  interrupted: 130,
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
