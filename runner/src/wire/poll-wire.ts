/**
 * A polling session as a wire, for networks that let no WebSocket through: the same frames in HTTP requests. One
 * request waits at the control plane for frames from there; another hands over what is to be sent, when there is
 * something. What is not acknowledged is sent again, so a request that fails costs time and nothing else. The contract
 * is in `protocol/src/poll.ts`.
 */
import {
  HOME_SHARD,
  POLL_HOLD_MS,
  PollAnswer,
  PollInbox,
  PollOutbox,
  PROTOCOL_VERSION,
  type PollRequest,
} from "@cronium/protocol";
import { type Clock, delay } from "../base/clock.ts";
import { backoffMs } from "../base/retryable.ts";
import { readRefusal, type Refusal, type Wire, type WireHandlers } from "./wire.ts";

const ANSWER_WITHIN_MS = 15_000;
/** Waits between tries within a session; longer silence is for the heartbeat to judge. */
const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 5_000;
/** Answers that no other try can change. */
const FINAL = new Set(["runner_revoked", "upgrade_required", "unauthorized", "invalid_id", "forbidden"]);

export interface PollWireOptions {
  readonly url: URL;
  readonly runnerId: string;
  readonly shard: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly handlers: WireHandlers;
}

export class PollWire implements Wire {
  readonly transport = "polling";
  private readonly options: PollWireOptions;
  private readonly inbox = new PollInbox();
  private readonly outbox = new PollOutbox();
  private readonly abort = new AbortController();
  private session: string | null = null;
  private sending = false;
  private leaving = false;
  private over = false;
  private failures = 0;

  constructor(options: PollWireOptions) {
    this.options = options;
    void this.receive();
  }

  get open(): boolean {
    return this.session !== null && !this.over;
  }

  send(text: string): void {
    this.outbox.add(text);
    this.flushSoon();
  }

  terminate(): void {
    this.end(1006, "given up");
  }

  close(): void {
    this.leaving = true;
    this.flushSoon();
  }

  /** Opens the session, then asks for frames for as long as it lasts. */
  private async receive(): Promise<void> {
    await this.exchange({}, ANSWER_WITHIN_MS);
    if (this.session === null) {
      this.end(1006, "");
    }
    while (!this.over) {
      await this.exchange({}, POLL_HOLD_MS + ANSWER_WITHIN_MS);
    }
  }

  /** What is said in one turn leaves in one request. */
  private flushSoon(): void {
    if (!this.sending) {
      this.sending = true;
      queueMicrotask(() => void this.flush());
    }
  }

  private async flush(): Promise<void> {
    while (!this.over && (this.outbox.waiting || this.leaving)) {
      await this.exchange({ ...this.outbox.batch(), leave: this.leaving }, ANSWER_WITHIN_MS);
    }
    this.sending = false;
  }

  /** One request and its answer; one that fails is followed by a wait, and changes nothing. */
  private async exchange(request: Partial<PollRequest>, withinMs: number): Promise<void> {
    const outcome = await this.post(request, withinMs);
    if (this.over) {
      return;
    }
    if (outcome.ok) {
      this.failures = 0;
      this.take(outcome.answer);
      return;
    }
    this.options.handlers.problem(outcome.error);
    const { refusal } = outcome;
    if (refusal !== null && (this.session === null || FINAL.has(refusal.code ?? ""))) {
      this.options.handlers.refused(refusal);
      this.end(1006, refusal.detail);
    } else if (this.session !== null) {
      this.failures += 1;
      await delay(
        this.options.clock,
        100 + backoffMs(this.failures, this.options.random(), RETRY_BASE_MS, RETRY_CAP_MS),
      );
    }
  }

  private async post(request: Partial<PollRequest>, withinMs: number): Promise<Outcome> {
    const { url, runnerId, shard } = this.options;
    const body: PollRequest = {
      runnerId,
      ...(shard === HOME_SHARD ? {} : { shard }),
      protocol: PROTOCOL_VERSION,
      session: this.session,
      ack: this.inbox.ack,
      from: 1,
      frames: [],
      leave: false,
      ...request,
    };
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        redirect: "error",
        signal: AbortSignal.any([this.abort.signal, AbortSignal.timeout(withinMs)]),
      });
      const text = await response.text();
      const answer = response.status === 200 ? readAnswer(text) : null;
      if (answer !== null) {
        return { ok: true, answer };
      }
      const refusal = readRefusal(response.status, text);
      return { ok: false, error: new Error(refusal.detail), refusal };
    } catch (error) {
      return { ok: false, error, refusal: null };
    }
  }

  private take(answer: PollAnswer): void {
    this.session ??= answer.session;
    this.outbox.acknowledge(answer.ack);
    const fresh = this.inbox.take(answer);
    if (fresh === null) {
      this.end(1006, `frame ${this.inbox.ack + 1} is missing`);
      return;
    }
    for (const text of fresh) {
      if (!this.over) {
        this.options.handlers.message(text);
      }
    }
    if (answer.close !== null) {
      this.end(answer.close.code, answer.close.reason);
    }
  }

  private end(code: number, reason: string): void {
    if (!this.over) {
      this.over = true;
      this.abort.abort();
      this.options.handlers.closed(code, reason);
    }
  }
}

type Outcome =
  | { readonly ok: true; readonly answer: PollAnswer }
  | { readonly ok: false; readonly error: unknown; readonly refusal: Refusal | null };

/** Null when somebody else has answered in the control plane's place. */
function readAnswer(text: string): PollAnswer | null {
  try {
    const parsed = PollAnswer.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return null;
    }
    throw error;
  }
}
