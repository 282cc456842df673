/**
 * What jobs ask of the control plane, on its way there and back (`protocol/src/calls.ts`).
 *
 * A call waits here until it is answered. It is sent at once, and again after each welcome of the Dispatcher that keeps
 * its run, in the order in which the calls came: one whose answer was lost is answered again and decided once. What is
 * not answered in time is given up, and the job told so; repeating it under the same key is safe.
 *
 * Example: a write is sent, the control plane commits it, the connection breaks. After the next welcome it is sent again
 * under the same key, and the answer is the first one.
 */
import {
  type AttemptRef,
  CALL_WITHIN_MS,
  CALLS_SINCE,
  type CallError,
  type CallOp,
  HOME_SHARD,
  type RunnerMessage,
  type ServerMessage,
  shardOf,
} from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import type { CallAnswer } from "./run/deps.ts";

interface Waiting {
  readonly frame: Extract<RunnerMessage, { type: "call" }>;
  readonly settle: (answer: CallAnswer) => void;
}

export interface CallsOptions {
  readonly clock: Clock;
  readonly send: (message: RunnerMessage) => void;
  /** What the control plane speaks, as the Dispatcher of this run said last; null before its first word. */
  readonly protocolFor: (runId: string) => number | null;
  /** Resolves once no job is given these values any more; null for all. */
  readonly uncache: (id: number, names: readonly string[] | null) => Promise<void>;
}

/** In place of the number of an `uncache`: those of the control plane are above it. */
const DROP_ALL = 0;

const TOO_OLD: CallError = {
  code: "upgrade_required",
  message: "This control plane is of a version that takes no calls of jobs. Upgrade it.",
};
const NO_ANSWER: CallError = {
  code: "not_available",
  message: "The control plane did not answer in time. Repeating the call is safe.",
  retryAfterMs: 1_000,
};

export class Calls {
  private readonly options: CallsOptions;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor(options: CallsOptions) {
    this.options = options;
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Never rejects. */
  call({ runId, attempt }: AttemptRef, key: string, op: CallOp): Promise<CallAnswer> {
    const { clock, send, protocolFor } = this.options;
    if ((protocolFor(runId) ?? CALLS_SINCE) < CALLS_SINCE) {
      return Promise.resolve({ ok: false, error: TOO_OLD });
    }
    this.last += 1;
    const id = this.last;
    const frame = { type: "call", id, runId, attempt, key, op } as const;
    return new Promise((resolve) => {
      const cancel = clock.after(CALL_WITHIN_MS, () => settle({ ok: false, error: NO_ANSWER }));
      const settle = (answer: CallAnswer): void => {
        cancel();
        this.waiting.delete(id);
        resolve(answer);
      };
      this.waiting.set(id, { frame, settle });
      if (protocolFor(runId) !== null) {
        send(frame);
      }
    });
  }

  onAnswer({ id, result = null, error }: Extract<ServerMessage, { type: "answer" }>): void {
    this.waiting.get(id)?.settle(error === undefined ? { ok: true, result } : { ok: false, error });
  }

  onUncache({ id, names }: Extract<ServerMessage, { type: "uncache" }>): void {
    const { uncache, send } = this.options;
    void uncache(id, names).then(() => send({ type: "uncached", id }));
  }

  /** A connection broke: who cannot be told of changes keeps nothing. */
  cutOff(shard: number): void {
    if (shard === HOME_SHARD) {
      void this.options.uncache(DROP_ALL, null);
    }
  }

  /** After a welcome. */
  repeat(shard: number): void {
    const { send, protocolFor } = this.options;
    for (const { frame, settle } of [...this.waiting.values()]) {
      if (shardOf(frame.runId) !== shard) {
        continue;
      }
      if ((protocolFor(frame.runId) ?? CALLS_SINCE) < CALLS_SINCE) {
        settle({ ok: false, error: TOO_OLD });
      } else {
        send(frame);
      }
    }
  }
}
