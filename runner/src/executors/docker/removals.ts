/**
 * Takes containers away from an engine that may refuse to, or never answer: a process that the kernel does not let go,
 * a file system that is busy. The caller learns the first outcome and goes on; what did not go is tried again here,
 * ever more seldom, until it has. Those that stay are counted, so that a machine on which they pile up takes no more.
 *
 * Example: `docker rm` hangs on one container. Its run is done after ten seconds, its slot is free from the end of its
 * script, `status` shows one container that is stuck, and every other job goes on.
 */
import type Docker from "dockerode";
import { type Clock, delay } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import { isDaemonGone } from "../../base/retryable.ts";
import { answerWithin, statusOf } from "./answer.ts";

/** A removal takes a tenth of a second; on a machine that is busy with a hundred of them, seconds. */
const ANSWER_WITHIN_MS = 30_000;
/** Past this it counts as stuck, though it may still go. */
const STUCK_AFTER_MS = 10_000;
const AGAIN_FIRST_MS = 2_000;
const AGAIN_CAP_MS = 60_000;
/** Gone, or on its way by somebody else's removal. */
const DONE = [404, 409];

export interface RemovalsOptions {
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Log;
  /** Containers that may be stuck before the runner takes no more jobs. */
  readonly mostStuck: number;
}

export class Removals {
  private readonly options: RemovalsOptions;
  /** The first outcome of each that is under way or tried again, by id. */
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly stuckIds = new Set<string>();
  private readonly closed = new AbortController();

  constructor(options: RemovalsOptions) {
    this.options = options;
  }

  /** Containers of jobs that have ended, and that Docker does not take away. */
  get stuck(): number {
    return this.stuckIds.size;
  }

  /** Why no further job should come here; null when nothing speaks against it. */
  get problem(): string | null {
    const { mostStuck } = this.options;
    if (this.stuck < mostStuck && this.underWay.size < 8 * mostStuck) {
      return null;
    }
    return `Docker does not take away ${this.underWay.size} containers of jobs that have ended here.`;
  }

  has(id: string): boolean {
    return this.underWay.has(id);
  }

  /** The outcome of the first try; rejects as the engine does, and it is tried again all the same. */
  remove(id: string): Promise<void> {
    const known = this.underWay.get(id);
    if (known !== undefined) {
      return known;
    }
    const first = Promise.withResolvers<void>();
    first.promise.catch(() => {});
    this.underWay.set(id, first.promise);
    void this.work(id, first);
    return first.promise;
  }

  close(): void {
    this.closed.abort();
  }

  private async work(id: string, first: PromiseWithResolvers<void>): Promise<void> {
    const { clock, log } = this.options;
    const cancel = clock.after(STUCK_AFTER_MS, () => this.stuckIds.add(id));
    for (let waitMs = AGAIN_FIRST_MS; ; waitMs = Math.min(AGAIN_CAP_MS, waitMs * 2)) {
      try {
        await this.ask(id);
        first.resolve();
        break;
      } catch (error) {
        first.reject(error);
        cancel();
        if (isDaemonGone(error)) {
          // The sweep that follows its return finds it.
          break;
        }
        this.stuckIds.add(id);
        log.warn("docker.container_stuck", { container: id.slice(0, 12), problem: errorText(error) });
      }
      await delay(clock, waitMs, this.closed.signal);
      if (this.closed.signal.aborted) {
        break;
      }
    }
    cancel();
    this.stuckIds.delete(id);
    this.underWay.delete(id);
  }

  private async ask(id: string): Promise<void> {
    const { docker, clock } = this.options;
    try {
      await answerWithin(clock, ANSWER_WITHIN_MS, "remove the container", (abortSignal) =>
        docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      );
    } catch (error) {
      if (!DONE.includes(statusOf(error) ?? 0)) {
        throw error;
      }
    }
  }
}
