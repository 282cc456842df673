/** What a change is based on, where its request names a version. */
import { AppError } from "@cronium/protocol/errors";

/** Throws `version_conflict` when `expected` is a version and not that of now. `what` begins the message. */
export function refuseStale(expected: number | null, current: number, what: string): void {
  if (expected !== null && expected !== current) {
    throw new AppError(
      "version_conflict",
      `${what} is at version ${current}, and the change is based on version ${expected}.`,
    );
  }
}
