/**
 * Slots that are started, have never been used, and wait for a job, for each kind of job that ran here lately.
 *
 * A slot goes one way: made → waiting → reserved for one attempt → that attempt's to start, stop and remove. It never
 * comes back. What was taken is made again a moment later, behind the jobs themselves (`Demand` says how many). Slots
 * that have waited for ten minutes are made anew, and so are those whose image has changed; a slot that ends by itself
 * is forgotten, and a profile whose slots keep ending is left alone for a while and starts its jobs cold.
 *
 * A slot may be reserved before it has come up: it is further than one that would be made for the job now.
 */
import type { Clock } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import type { Reservation, Slot, SlotEvents, SlotProfile, SlotRequest, SlotSockets } from "../types.ts";
import { Demand, shareOut } from "./demand.ts";

/** After a slot was taken, before another is made: the job goes first. */
const REFILL_AFTER_MS = 25;
const LOOK_EVERY_MS = 10_000;
const RECYCLE_AFTER_MS = 600_000;
/** A slot that waited this long was well; its end says nothing about the next one. */
const GOOD_LIFE_MS = 60_000;
const BACKOFF_BASE_MS = 1_000;
const BACKOFF_CAP_MS = 300_000;

/** A slot without a job. */
export interface IdleSlot {
  /** It is up. Rejects when it did not come up. */
  readonly started: Promise<void>;
  /** Settles when it has ended, or will never start; until it is lent that makes it useless. */
  readonly gone: Promise<string>;
  /** From now on it belongs to this attempt. */
  lend(request: SlotRequest, events: SlotEvents): Slot;
  remove(): Promise<void>;
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Most slots that wait. */
  readonly max: number;
  /** Most slots that are being made at a time. */
  readonly parallel: number;
  /** What slots of this profile are made of, such as an image; null when none can be, or none should. */
  readonly kindOf: (profile: SlotProfile) => string | null;
  /** `opened`: the slot's socket takes connections, and its folder is there. */
  readonly make: (profile: SlotProfile, slot: string, apiFolder: string, opened: Promise<void>) => IdleSlot;
  /** Whether this machine has room for one more now. */
  readonly hasRoom: () => boolean;
}

interface Waiting {
  readonly name: string;
  readonly kind: string;
  readonly since: number;
  readonly opened: Promise<void>;
  readonly idle: IdleSlot;
  readonly sockets: SlotSockets;
  up: boolean;
}

interface Shelf {
  readonly profile: SlotProfile;
  readonly demand: Demand;
  /** The oldest first. */
  readonly waiting: Waiting[];
  failures: number;
  notBefore: number;
}

export class Pool {
  private readonly options: PoolOptions;
  private readonly shelves = new Map<string, Shelf>();
  /** Reserved, and not fetched yet. */
  private readonly reserved = new Map<string, Waiting>();
  private sockets: SlotSockets | null = null;
  private closed = false;
  private cancelLook = (): void => {};
  private cancelRefill: (() => void) | null = null;
  private readonly removals = new Set<Promise<void>>();

  constructor(options: PoolOptions) {
    this.options = options;
  }

  /** Slots that wait. */
  get size(): number {
    return [...this.shelves.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** What each of those is for. */
  profiles(): SlotProfile[] {
    return [...this.shelves.values()].flatMap(({ profile, waiting }) => waiting.map(() => profile));
  }

  /** Whether this slot is one of those that wait, or is about to be fetched. */
  has(name: string): boolean {
    return (
      this.reserved.has(name) ||
      [...this.shelves.values()].some(({ waiting }) => waiting.some((one) => one.name === name))
    );
  }

  /** Slots are made from now on. */
  open(sockets: SlotSockets): void {
    if (this.closed) {
      return;
    }
    this.sockets = sockets;
    this.cancelLook = this.options.clock.every(LOOK_EVERY_MS, () => this.look());
    this.look();
  }

  /** No slot is made from now on; resolves once those that waited are gone. */
  async close(): Promise<void> {
    this.closed = true;
    this.sockets = null;
    this.cancelLook();
    this.cancelRefill?.();
    this.cancelRefill = null;
    this.empty("closed");
    await Promise.all(this.removals);
  }

  /** Lets go of every slot that waits. What was asked for is remembered. */
  empty(why: string): void {
    for (const shelf of this.shelves.values()) {
      for (const one of shelf.waiting.splice(0)) {
        this.discard(one, why);
      }
    }
  }

  /** The slot that waited longest; null when a job of this profile starts cold. */
  reserve(profile: SlotProfile): Reservation | null {
    const { clock, max } = this.options;
    const kind = max === 0 || this.sockets === null ? null : this.options.kindOf(profile);
    if (kind === null) {
      return null;
    }
    const shelf = this.shelfOf(profile);
    shelf.demand.note(clock.monotonic());
    this.refillSoon();
    const ready = shelf.waiting.findIndex((one) => one.kind === kind && one.up);
    const index = ready < 0 ? shelf.waiting.findIndex((one) => one.kind === kind) : ready;
    const [found] = index < 0 ? [] : shelf.waiting.splice(index, 1);
    if (found === undefined) {
      return null;
    }
    this.reserved.set(found.name, found);
    return { slot: found.name, opened: found.opened };
  }

  /** The slot that was reserved under this name; null when none was. */
  fetch(request: SlotRequest, events: SlotEvents): Slot | null {
    const found = this.reserved.get(request.slot);
    this.reserved.delete(request.slot);
    if (found === undefined) {
      return null;
    }
    const { clock, log } = this.options;
    const waitedMs = Math.round(clock.monotonic() - found.since);
    log.debug("pool.lent", { runId: request.runId, slot: found.name, up: found.up, waitedMs });
    return found.idle.lend(request, events);
  }

  private shelfOf(profile: SlotProfile): Shelf {
    const key = keyOf(profile);
    const known = this.shelves.get(key);
    if (known !== undefined) {
      return known;
    }
    const shelf: Shelf = { profile, demand: new Demand(), waiting: [], failures: 0, notBefore: 0 };
    this.shelves.set(key, shelf);
    return shelf;
  }

  private refillSoon(): void {
    this.cancelRefill ??= this.options.clock.after(REFILL_AFTER_MS, () => {
      this.cancelRefill = null;
      this.refill();
    });
  }

  /** Takes out what waited too long, what is of no use any more, and what is too much; then makes what is missing. */
  private look(): void {
    const now = this.options.clock.monotonic();
    const shares = this.shares(now);
    for (const [key, shelf] of this.shelves) {
      const kind = this.options.kindOf(shelf.profile);
      const useless = (one: Waiting): boolean => one.kind !== kind || now - one.since > RECYCLE_AFTER_MS;
      const old = shelf.waiting.filter(useless);
      const surplus = shelf.waiting.filter((one) => !useless(one)).slice(shares.get(key) ?? 0);
      for (const one of [...old, ...surplus]) {
        shelf.waiting.splice(shelf.waiting.indexOf(one), 1);
        this.discard(one, old.includes(one) ? "recycled" : "not needed");
      }
      if (shelf.demand.wanted(now) === 0) {
        this.shelves.delete(key);
      }
    }
    this.refill();
  }

  private shares(now: number): Map<string, number> {
    const wants = [...this.shelves].map(([key, { demand }]) => ({
      key,
      wanted: demand.wanted(now),
      lastAt: demand.lastAt,
    }));
    return shareOut(wants, this.options.max);
  }

  private refill(): void {
    const { clock, max, parallel, hasRoom } = this.options;
    const now = clock.monotonic();
    const shares = this.shares(now);
    let making = [...this.shelves.values()].flatMap(({ waiting }) => waiting).filter(({ up }) => !up).length;
    for (const [key, shelf] of this.shelves) {
      const kind = this.options.kindOf(shelf.profile);
      while (
        this.sockets !== null &&
        kind !== null &&
        making < parallel &&
        shelf.notBefore <= now &&
        shelf.waiting.length < (shares.get(key) ?? 0) &&
        hasRoom()
      ) {
        if (this.size >= max) {
          this.giveUpOne(shares);
        }
        making += 1;
        this.make(shelf, kind, this.sockets);
      }
    }
  }

  /** Of a profile that has more than its share: others have been asked for since. */
  private giveUpOne(shares: ReadonlyMap<string, number>): void {
    const rich = [...this.shelves].find(([key, { waiting }]) => waiting.length > (shares.get(key) ?? 0));
    const oldest = rich?.[1].waiting.shift();
    if (oldest !== undefined) {
      this.discard(oldest, "not needed");
    }
  }

  private make(shelf: Shelf, kind: string, sockets: SlotSockets): void {
    const { clock, log } = this.options;
    const name = sockets.newName();
    const opened = sockets.open(name);
    opened.catch(() => {});
    const idle = this.options.make(shelf.profile, name, sockets.folderOf(name), opened);
    const one: Waiting = { name, kind, since: clock.monotonic(), opened, idle, sockets, up: false };
    shelf.waiting.push(one);
    idle.started.then(
      () => {
        one.up = true;
        const { runtime, memoryMb } = shelf.profile;
        log.debug("pool.up", { slot: name, runtime, memoryMb, ms: Math.round(clock.monotonic() - one.since) });
        this.refillSoon();
      },
      (error: unknown) => this.gone(shelf, one, errorText(error)),
    );
    void idle.gone.then((why) => this.gone(shelf, one, why));
    log.debug("pool.made", { slot: name, kind, waiting: this.size });
  }

  /** A slot that nobody has taken has ended. */
  private gone(shelf: Shelf, one: Waiting, why: string): void {
    const index = shelf.waiting.indexOf(one);
    if (index < 0) {
      return;
    }
    shelf.waiting.splice(index, 1);
    const { clock, log } = this.options;
    const now = clock.monotonic();
    if (now - one.since > GOOD_LIFE_MS) {
      shelf.failures = 0;
    }
    // Slots that end together, as they do when the engine stops, count once.
    if (now >= shelf.notBefore) {
      shelf.failures += 1;
      shelf.notBefore = now + Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (shelf.failures - 1));
    }
    log.warn("pool.slot_ended", { slot: one.name, kind: one.kind, problem: why, failures: shelf.failures });
    this.discard(one, why);
  }

  private discard(one: Waiting, why: string): void {
    const { log } = this.options;
    log.debug("pool.discarded", { slot: one.name, why });
    const removal = one.idle
      .remove()
      .catch((error: unknown) => {
        // The sweep finds it: nobody owns it any more.
        log.debug("pool.not_removed", { slot: one.name, problem: errorText(error) });
      })
      .then(() => one.sockets.close(one.name))
      .finally(() => this.removals.delete(removal));
    this.removals.add(removal);
  }
}

/** The same for profiles whose slots are alike: all of them are put together in one place, field by field. */
function keyOf(profile: SlotProfile): string {
  return JSON.stringify(profile);
}
