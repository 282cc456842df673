/** Values from the address bar: anything may stand there, so each is read as what it should be or left out. */
import { type RunState, runStates } from "@cronium/protocol/run-states";

/** The router reads `?q=1` as a number; here it is text again. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

/** `2026-03-01`, as a date field gives it. */
export function day(value: unknown): string | undefined {
  return typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
    ? value
    : undefined;
}

export function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === "number" ? value : typeof value === "string" ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

export function oneOf<const T extends string>(value: unknown, choices: readonly T[]): T | undefined {
  return choices.find((choice) => choice === value);
}

export function runState(value: unknown): RunState | undefined {
  return oneOf(value, runStates);
}
