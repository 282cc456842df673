/** Triggers runs and keeps at it until each one is acknowledged, whatever dies meanwhile. */
import { randomUUID } from "node:crypto";
import { setTimeout as after } from "node:timers/promises";
import type { Plane } from "../plane.ts";

const REPEAT_AFTER_MS = 200;

export interface Acknowledged {
  /** Run ids that the answers to one key named; more than one is a doubled run. */
  readonly runIds: ReadonlySet<string>;
  /** Answers and errors other than 202, until it was acknowledged. */
  readonly repeats: number;
}

export interface LoadOptions {
  readonly plane: Plane;
  readonly eventId: string;
  readonly runs: number;
  /** Triggers on their way at the same time. */
  readonly parallel: number;
  /** Milliseconds between two triggers of one sender. */
  readonly paceMs: number;
  /** Gives up, with an error, once it is aborted. */
  readonly over: AbortSignal;
}

/** Resolves with every trigger once all of them are acknowledged. */
export async function load(options: LoadOptions): Promise<readonly Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  let left = options.runs;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      options.over.throwIfAborted();
      left -= 1;
      acknowledged.push(await trigger(options));
      await after(options.paceMs);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, sender));
  return acknowledged;
}

async function trigger({ plane, eventId, over }: LoadOptions): Promise<Acknowledged> {
  const key = randomUUID();
  const runIds = new Set<string>();
  let repeats = 0;
  for (;;) {
    const answer = await plane
      .call("POST", `/events/${eventId}/runs`, { input: null }, { "idempotency-key": key })
      .catch(() => null);
    if (answer?.status === 202) {
      runIds.add(answer.body.runId as string);
      return { runIds, repeats };
    }
    if (answer !== null && answer.status < 500 && ![409, 429].includes(answer.status)) {
      throw new Error(`A trigger was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    if (over.aborted) {
      throw new Error(`A trigger was not acknowledged in time; last answer: ${JSON.stringify(answer)}`);
    }
    repeats += 1;
    await after(REPEAT_AFTER_MS);
  }
}
