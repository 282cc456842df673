/** What the engine answers to one question, and that it may not answer at all. */
import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/log.ts";

/**
 * Asks, and rejects when there is no answer in time: an engine that is well may hang on a single container, because the
 * kernel does not let go of a process or a file system of it.
 */
export async function answerWithin<T>(
  clock: Clock,
  withinMs: number,
  what: string,
  ask: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(withinMs, () => {
    late.reject(new Error(`Docker did not ${what} within ${Math.round(withinMs / 1_000)} s`));
    abort.abort();
  });
  const answer = ask(abort.signal);
  // It may come after all, or be told that it was given up.
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    cancel();
  }
}

/** HTTP status of a refusal; null when the engine did not answer. */
export function statusOf(error: unknown): number | null {
  const status = error instanceof Error ? (error as Error & { statusCode?: unknown }).statusCode : null;
  return typeof status === "number" ? status : null;
}

/** Docker's own sentence, without the HTTP wrapping that dockerode puts around it. */
export function engineMessage(error: unknown): string {
  return errorText(error)
    .replace(/^\(HTTP code \d+\) [^-]* - /, "")
    .trim();
}
