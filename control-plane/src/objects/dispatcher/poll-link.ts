/**
 * A runner's polling session, as a link: what a WebSocket does by pushing, it does by answering requests. Frames wait
 * here, numbered, until the runner acknowledges them. It lives in memory only: while a runner polls, one of its
 * requests is held and keeps the object there.
 */
import { PollInbox, PollOutbox, type PollAnswer } from "@cronium/protocol/poll";

const OPEN = 1;
const CLOSED = 3;

export class PollLink {
  readonly session: string;
  readonly runnerId: string;
  readonly inbox = new PollInbox();
  readonly #outbox = new PollOutbox();
  readonly #closedHere: (link: PollLink) => void;
  #attachment: unknown = null;
  #close: PollAnswer["close"] = null;
  #release = (): void => {};
  #corked = 0;
  /** When its newest request arrived. */
  heardAt: number;

  /** `closedHere` is called once, after the turn in which the Dispatcher closed it. */
  constructor(session: string, runnerId: string, now: number, closedHere: (link: PollLink) => void) {
    this.session = session;
    this.runnerId = runnerId;
    this.heardAt = now;
    this.#closedHere = closedHere;
  }

  get readyState(): number {
    return this.#close === null ? OPEN : CLOSED;
  }

  serializeAttachment(attachment: unknown): void {
    this.#attachment = attachment;
  }

  deserializeAttachment(): unknown {
    return this.#attachment;
  }

  send(text: string | ArrayBuffer | ArrayBufferView): void {
    if (this.#close !== null || typeof text !== "string") {
      throw new TypeError("A polling session takes texts, and only while it is open.");
    }
    this.#outbox.add(text);
    if (this.#corked === 0) {
      this.#release();
    }
  }

  close(code = 1000, reason = ""): void {
    if (this.#close === null) {
      this.#close = { code, reason };
      this.#release();
      void Promise.resolve().then(() => this.#closedHere(this));
    }
  }

  acknowledge(ack: number): void {
    this.#outbox.acknowledge(ack);
  }

  /** While `work` goes on its frames do not end the request that is held: they travel in the answer to this one. */
  async corked(work: () => Promise<void>): Promise<void> {
    this.#corked += 1;
    try {
      await work();
    } finally {
      this.#corked -= 1;
    }
  }

  /** Resolves once there is something to say, a newer request takes this one's place, or `ms` have passed. */
  async held(ms: number): Promise<void> {
    this.#release();
    if (this.#outbox.waiting || this.#close !== null) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#release = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  answer(session: string): PollAnswer {
    return { session, ack: this.inbox.ack, ...this.#outbox.batch(), close: this.#close };
  }
}
