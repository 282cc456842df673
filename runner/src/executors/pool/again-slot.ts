/**
 * A slot that serves several jobs of one owner, one after the other. Each job sees a slot of its own (`AgainSlot`); the
 * slot behind it (`SharedSlot`) goes on when a job has ended with 0, and ends in every other case as any slot does.
 *
 * That a job has ended is known from two sides: the bootstrap asks for the next one, and both streams hold the mark that
 * it printed before. Only then is all of its output here, and nothing that comes later can be taken for it.
 */
import { randomBytes } from "node:crypto";
import type { Again, Exit, Slot, SlotEvents } from "../types.ts";
import { EndMark } from "./end-mark.ts";

/** Past these a slot is made anew: what is stored of its output has to be read from the start after a crash. */
const MOST_BYTES = 4_000_000;
const MOST_JOBS = 1_000;
const MOST_AGE_MS = 600_000;

type Stream = "stdout" | "stderr";

/** What keeps slots between two jobs; false when it does not want this one. */
export type Keep = (shared: SharedSlot) => boolean;

export interface SharedOptions {
  readonly name: string;
  /** What the next job must have in common with the first: owner and profile. */
  readonly key: string;
  /** By the monotonic clock. */
  readonly now: () => number;
  readonly keep: Keep;
}

export class SharedSlot {
  readonly options: SharedOptions;
  private readonly since: number;
  private readonly printed: Record<Stream, number> = { stdout: 0, stderr: 0 };
  private job: AgainSlot | null = null;
  private jobs = 0;
  private isGone = false;
  private readonly goneSignal = Promise.withResolvers<void>();
  private inner: Slot | null = null;

  constructor(options: SharedOptions) {
    this.options = options;
    this.since = options.now();
  }

  /** Where the slot behind it sends its output. */
  readonly events: SlotEvents = {
    bytes: (stream, bytes) => {
      this.printed[stream] += bytes.length;
      if (this.job === null || this.job.take(stream, bytes) > 0) {
        // Nobody's bytes: something of an earlier job is still at work.
        this.end();
      }
    },
    lost: (bytes) => this.job?.events.lost(bytes),
    value: (value) => this.job?.events.value(value),
    notice: (text) => this.job?.events.notice?.(text),
  };

  /** Resolves when it can serve no further job. */
  get gone(): Promise<void> {
    return this.goneSignal.promise;
  }

  get fit(): boolean {
    const { stdout, stderr } = this.printed;
    const young = this.options.now() - this.since < MOST_AGE_MS;
    return !this.isGone && young && this.jobs < MOST_JOBS && stdout + stderr < MOST_BYTES;
  }

  /** The slot itself, told once, before the first job. */
  attach(inner: Slot): void {
    this.inner = inner;
    inner.exited.then(
      () => this.end(),
      () => this.end(),
    );
  }

  /** The next job's view of it. */
  serve(events: SlotEvents): Slot {
    const { inner } = this;
    if (inner === null) {
      throw new Error("The slot is not there yet.");
    }
    this.jobs += 1;
    const mark = { mark: randomBytes(16).toString("hex"), ...this.printed };
    this.job = new AgainSlot({ inner, mark, events, giveBack: () => this.giveBack() });
    return this.job;
  }

  async remove(): Promise<void> {
    await this.inner?.remove();
  }

  private giveBack(): boolean {
    this.job = null;
    return this.fit && this.options.keep(this);
  }

  private end(): void {
    this.isGone = true;
    this.goneSignal.resolve();
  }
}

export interface AgainOptions {
  readonly inner: Slot;
  readonly mark: Again["mark"];
  readonly events: SlotEvents;
  /** Asked once, when the job has ended and all of its output is here. */
  readonly giveBack: () => boolean;
}

/** One job's view of a slot that may serve others after it. */
export class AgainSlot implements Slot {
  readonly events: SlotEvents;
  readonly again: Again;
  readonly exited: Promise<Exit>;
  readonly drained: Promise<void>;
  private readonly inner: Slot;
  private readonly streams: Record<Stream, EndMark>;
  private readonly freed = Promise.withResolvers<Exit>();
  private readonly marked = Promise.withResolvers<void>();
  private isFree = false;
  private stopped = false;
  private givenBack: boolean | null = null;

  constructor({ inner, mark, events, giveBack }: AgainOptions) {
    this.inner = inner;
    this.events = events;
    const stream = (name: Stream): EndMark => new EndMark(mark.mark, (bytes) => events.bytes(name, bytes));
    this.streams = { stdout: stream("stdout"), stderr: stream("stderr") };
    this.exited = Promise.race([this.freed.promise, inner.exited]);
    this.exited.catch(() => {});
    const endedWithoutMark = inner.drained.then(() => {
      this.streams.stdout.end();
      this.streams.stderr.end();
    });
    this.drained = Promise.race([this.marked.promise, endedWithoutMark]);
    this.again = {
      mark,
      ended: () => {
        this.isFree = true;
        this.freed.resolve({ code: 0, oomKilled: false });
      },
      giveBack: () => {
        const whole = this.streams.stdout.found && this.streams.stderr.found;
        this.givenBack ??= this.isFree && whole && !this.stopped && giveBack();
        return this.givenBack;
      },
    };
  }

  get ready(): Promise<void> {
    return this.inner.ready;
  }

  start(): Promise<void> {
    return this.inner.start();
  }

  /** Takes output; returns how much of it came behind the end of the job. */
  take(stream: Stream, bytes: Uint8Array): number {
    const beyond = this.streams[stream].push(bytes);
    if (this.streams.stdout.found && this.streams.stderr.found) {
      this.marked.resolve();
    }
    return beyond;
  }

  abandon(): void {
    this.inner.abandon?.();
  }

  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    if (!this.isFree) {
      await this.inner.stop(graceMs);
    }
  }

  async remove(): Promise<void> {
    if (this.givenBack !== true) {
      await this.inner.remove();
    }
  }
}
