/**
 * Variables that were read, for as long as the control plane allows, over all jobs of this runner.
 *
 * An entry ends when its time has run out, counted from when it was asked for; when the control plane takes it back; and
 * with all others when the runner loses its connection. An answer on its way is not kept when one of these has happened
 * since: it was overtaken by an `uncache` with a higher number, or it was asked for before everything was dropped.
 *
 * Example: a job asks for A, the control plane reads version 1 and answers; then B's write takes A back with number 8 and
 * is acknowledged. Whichever of the two arrives here first, version 1 is not used again: the answer says `after: 7`.
 */

export interface Cached {
  /** Text of JSON; null where there is no such variable. */
  readonly value: string | null;
  readonly version: number;
}

interface Entry extends Cached {
  readonly name: string;
  /** By the monotonic clock. */
  readonly until: number;
}

const MOST_ENTRIES = 2_000;
const MOST_CHARS = 8_388_608;
/** Numbers of `uncache` by name; beyond these one number stands for all names. */
const MOST_NUMBERS = 4_000;

export class VariableCache {
  private readonly now: () => number;
  private readonly entries = new Map<string, Entry>();
  private readonly numbers = new Map<string, number>();
  private chars = 0;
  private floor = 0;
  private generation = 0;

  /** `now`: milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.now = now;
  }

  get size(): number {
    return this.entries.size;
  }

  /** As a run of this event finds it. */
  get(eventId: string | null, name: string): Cached | null {
    const key = keyOf(eventId, name);
    const entry = this.entries.get(key);
    if (entry === undefined) {
      return null;
    }
    this.remove(key, entry);
    if (entry.until <= this.now()) {
      return null;
    }
    this.add(key, entry);
    return entry;
  }

  /** To be called when a value is asked for; what it returns keeps the answer, unless that was overtaken. */
  asking(eventId: string | null, name: string): (cached: Cached, allowed: { cacheMs: number; after: number }) => void {
    const sentAt = this.now();
    const { generation } = this;
    return ({ value, version }, { cacheMs, after }) => {
      const overtaken = after < Math.max(this.floor, this.numbers.get(name) ?? 0) || generation !== this.generation;
      const until = sentAt + cacheMs;
      const key = keyOf(eventId, name);
      const old = this.entries.get(key);
      if (old !== undefined && !overtaken) {
        this.remove(key, old);
      }
      if (!overtaken && until > this.now()) {
        this.add(key, { name, value, version, until });
      }
    };
  }

  /** Null: everything. */
  drop(names: readonly string[] | null, number: number): void {
    if (names === null) {
      this.generation += 1;
      this.entries.clear();
      this.chars = 0;
      return;
    }
    for (const name of names) {
      this.numbers.set(name, Math.max(number, this.numbers.get(name) ?? 0));
    }
    if (this.numbers.size > MOST_NUMBERS) {
      this.floor = Math.max(this.floor, ...this.numbers.values());
      this.numbers.clear();
    }
    const dropped = new Set(names);
    for (const [key, entry] of this.entries) {
      if (dropped.has(entry.name)) {
        this.remove(key, entry);
      }
    }
  }

  private add(key: string, entry: Entry): void {
    this.entries.set(key, entry);
    this.chars += sizeOf(entry);
    for (const [oldest, old] of this.entries) {
      if (this.entries.size <= MOST_ENTRIES && this.chars <= MOST_CHARS) {
        return;
      }
      this.remove(oldest, old);
    }
  }

  private remove(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.chars -= sizeOf(entry);
  }
}

function keyOf(eventId: string | null, name: string): string {
  return `${eventId ?? ""}/${name}`;
}

function sizeOf(entry: Entry): number {
  return entry.value?.length ?? 0;
}
