/** From the values that objects answer to the errors that requests end with. */
import { AppError } from "@cronium/protocol/errors";
import type { Outcome } from "../domain/dispatcher.ts";

/** The value of an outcome; throws the refusal as an `AppError`. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) {
    return outcome.value;
  }
  throw new AppError(outcome.code, outcome.message, { errors: outcome.errors ?? [] });
}
