/**
 * Slots between two jobs of one owner, for events that let their runs follow one another in a container. None of them
 * is ever handed to another owner, which is one version of one event of one workspace.
 */
import type { Clock } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import type { Reservation, SlotSockets } from "../types.ts";
import type { SharedSlot } from "./again-slot.ts";

/** A slot that no job came for is let go. */
const KEEP_MS = 60_000;

export interface KeptOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Most slots that are kept. */
  readonly max: number;
}

interface Entry {
  readonly shared: SharedSlot;
  readonly cancel: () => void;
}

export class Kept {
  private readonly options: KeptOptions;
  private readonly entries = new Map<string, Entry>();
  private readonly reserved = new Map<string, SharedSlot>();
  private sockets: SlotSockets | null = null;
  private readonly removals = new Set<Promise<void>>();

  constructor(options: KeptOptions) {
    this.options = options;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Whether slots are kept at all: jobs run in slots of their own otherwise. */
  get active(): boolean {
    return this.sockets !== null && this.options.max > 0;
  }

  has(name: string): boolean {
    return this.entries.has(name) || this.reserved.has(name);
  }

  open(sockets: SlotSockets): void {
    this.sockets = sockets;
  }

  async close(): Promise<void> {
    this.empty("closed");
    this.sockets = null;
    await Promise.all(this.removals);
  }

  empty(why: string): void {
    for (const name of this.entries.keys()) {
      this.discard(name, why);
    }
  }

  /** The slot that was given back last: the most of it is still in the processor's caches. */
  reserve(key: string): Reservation | null {
    const found = [...this.entries.values()].findLast(({ shared }) => shared.options.key === key && shared.fit);
    if (found === undefined) {
      return null;
    }
    const { name } = found.shared.options;
    found.cancel();
    this.entries.delete(name);
    this.reserved.set(name, found.shared);
    return { slot: name, opened: Promise.resolve() };
  }

  fetch(name: string): SharedSlot | null {
    const found = this.reserved.get(name) ?? null;
    this.reserved.delete(name);
    return found;
  }

  /** In place of the one that was kept longest, where there are as many as may be. False when none are kept any more. */
  keep(shared: SharedSlot): boolean {
    const { clock, max } = this.options;
    const { name } = shared.options;
    if (!this.active) {
      return false;
    }
    const [oldest] = this.entries.keys();
    if (this.entries.size >= max && oldest !== undefined) {
      this.discard(oldest, "others came since");
    }
    const cancel = clock.after(KEEP_MS, () => this.discard(name, "nobody came"));
    this.entries.set(name, { shared, cancel });
    void shared.gone.then(() => this.discard(name, "it ended"));
    return true;
  }

  private discard(name: string, why: string): void {
    const entry = this.entries.get(name);
    if (entry === undefined) {
      return;
    }
    entry.cancel();
    this.entries.delete(name);
    const { log } = this.options;
    log.debug("pool.discarded", { slot: name, why });
    const { sockets } = this;
    const removal = entry.shared
      .remove()
      .catch((error: unknown) => {
        log.debug("pool.not_removed", { slot: name, problem: errorText(error) });
      })
      .then(() => sockets?.close(name))
      .finally(() => this.removals.delete(removal));
    this.removals.add(removal);
  }
}
