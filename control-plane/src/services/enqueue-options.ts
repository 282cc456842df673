/** What a trigger asks for, in the terms of the Dispatcher. */
import type { TriggerOptions } from "@cronium/protocol";
import { AppError, type ErrorCode } from "@cronium/protocol/errors";
import { MAX_DELAY_MS } from "@cronium/protocol/queueing";
import type { EnqueueOptions } from "../domain/dispatcher.ts";

/** Throws `invalid_value` for two delays at once and `out_of_range` for one that is too long. `at`: where it stands in the body. */
export function enqueueOptions(options: TriggerOptions, now: number, at = ""): EnqueueOptions {
  const { priority, delayMs, delayUntil } = options;
  if (delayMs !== undefined && delayUntil !== undefined) {
    throw refuse("invalid_value", `${at}/delayUntil`, "must not be given together with delayMs");
  }
  if (delayMs !== undefined) {
    return { priority, notBefore: now + delayMs };
  }
  if (delayUntil === undefined) {
    return { priority };
  }
  const notBefore = Date.parse(delayUntil);
  if (notBefore > now + MAX_DELAY_MS) {
    throw refuse("out_of_range", `${at}/delayUntil`, "must be at most 366 days ahead");
  }
  return { priority, notBefore };
}

function refuse(code: ErrorCode, pointer: string, message: string): AppError {
  return new AppError(code, `${pointer} ${message}.`, { errors: [{ pointer, code, message }] });
}
