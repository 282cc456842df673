/** From the values that objects answer to the errors that requests end with. */
import { AppError } from "@cronium/protocol/errors";
import { countQuotas, overCount, type CountQuotaName } from "../domain/count-quota.ts";
import type { Outcome, Refusal } from "../domain/dispatcher.ts";

/** The value of an outcome; throws the refusal as an `AppError`. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) {
    return outcome.value;
  }
  throw refused(outcome);
}

/** The error that a request ends with for this refusal. */
export function refused({ code, message, errors = [], usedUp }: Refusal): AppError {
  const context =
    usedUp === undefined
      ? {}
      : {
          quota: usedUp.name,
          quotaLimit: usedUp.limit,
          quotaWindowSeconds: usedUp.windowSeconds,
          ...(usedUp.resetSeconds === null ? {} : { retryAfterSeconds: usedUp.resetSeconds }),
        };
  return new AppError(code, message, { errors, context });
}

/** For where the statement that adds one has found no room, which it counts itself: two who ask at once cannot pass. */
export function quotaFull(name: CountQuotaName): AppError {
  const { limit } = countQuotas[name];
  const refusal = overCount(name, limit);
  if (refusal === null) {
    throw new Error(`${limit} of ${name} are not too many`);
  }
  return refused(refusal);
}

/** Throws where the caller may have no more of these; what adds one has to count again. */
export function refuseMore(name: CountQuotaName, count: number): void {
  const refusal = overCount(name, count);
  if (refusal !== null) {
    throw refused(refusal);
  }
}
