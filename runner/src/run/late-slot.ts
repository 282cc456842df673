/**
 * The slot of an earlier process while nobody can say whether it is still there, because its engine does not answer.
 *
 * Example: Docker is being upgraded in the moment in which the runner starts. Its container may run on, so the job is
 * neither gone nor lost: the runner is not ready, goes on renewing the lease, and asks until Docker answers. Then the
 * job goes on, or it ends as a fault of the engine. After the length of a lease it ends so in any case, and the sweep
 * removes what is left of it.
 */
import { type Clock, delay, settledWithin } from "../base/clock.ts";
import { errorText, type Log } from "../base/log.ts";
import { type Again, ExecutorError, type Exit, type Slot } from "../executors/types.ts";

const LOOK_EVERY_MS = 1_000;
/** A stop that was asked for meanwhile waits for the engine this much longer than for the script. */
const STOP_MARGIN_MS = 15_000;

export interface LateSlotOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the engine: the slot, or null when it is gone. Rejects when the engine does not answer. */
  readonly find: () => Promise<Slot | null>;
  /** The first question, already on its way. */
  readonly first: Promise<Slot | null>;
  readonly withinMs: number;
  /** It was given up: what it printed since can no longer be had. */
  readonly lost: () => void;
}

export class LateSlot implements Slot {
  private readonly options: LateSlotOptions;
  private readonly end = Promise.withResolvers<Exit>();
  private readonly drain = Promise.withResolvers<void>();
  private readonly found = Promise.withResolvers<Slot | null>();
  private slot: Slot | null = null;
  /** Nobody needs the answer any more. */
  private over = false;
  readonly ready = Promise.resolve();
  readonly exited: Promise<Exit> = this.end.promise;
  readonly drained: Promise<void> = this.drain.promise;

  constructor(options: LateSlotOptions) {
    this.options = options;
    this.exited.catch(() => {});
    void this.look();
  }

  /** Of the slot that was found. */
  get again(): Again | undefined {
    return this.slot?.again;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async stop(graceMs: number): Promise<void> {
    await settledWithin(this.options.clock, this.found.promise, graceMs + STOP_MARGIN_MS);
    if (!this.over) {
      this.giveUp("Docker does not answer, so the container could not be stopped.");
    }
    const slot = await this.found.promise;
    if (slot === null) {
      // It rejects with the reason.
      await this.exited;
    } else {
      await slot.stop(graceMs);
    }
  }

  async keep(...how: Parameters<NonNullable<Slot["keep"]>>): Promise<string | null> {
    return (await this.slot?.keep?.(...how)) ?? null;
  }

  async remove(): Promise<void> {
    if (!this.over) {
      this.giveUp("The container is nobody's any more.");
    }
    await (await this.found.promise)?.remove();
  }

  private async look(): Promise<void> {
    const { clock, log, find, first, withinMs } = this.options;
    const cancelWait = clock.after(withinMs, () => this.giveUp("Docker did not come back in time."));
    let asked = first;
    for (;;) {
      try {
        const slot = await asked;
        cancelWait();
        this.answered(slot);
        return;
      } catch (error) {
        if (this.over) {
          return;
        }
        log.debug("run.not_found_yet", { problem: errorText(error) });
      }
      await delay(clock, LOOK_EVERY_MS);
      if (this.over) {
        return;
      }
      asked = find();
    }
  }

  private answered(slot: Slot | null): void {
    if (this.over) {
      // Too late: the attempt has ended without it.
      slot?.remove().catch(() => {});
      return;
    }
    if (slot === null) {
      this.giveUp("The container was gone when Docker answered again.");
      return;
    }
    this.over = true;
    this.slot = slot;
    this.options.log.info("run.found", {});
    this.found.resolve(slot);
    slot.exited.then(this.end.resolve, this.end.reject);
    void slot.drained.then(this.drain.resolve);
  }

  private giveUp(why: string): void {
    if (!this.over) {
      this.over = true;
      this.options.lost();
      this.found.resolve(null);
      this.drain.resolve();
      this.end.reject(new ExecutorError("daemon", why));
    }
  }
}
