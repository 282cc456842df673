import { describe, test } from "vitest";
import { ManualClock } from "../../../test/manual-clock.ts";
import { silentLog } from "../../base/log.ts";
import type { Slot, SlotEvents, SlotProfile, SlotRequest } from "../types.ts";
import { Pool } from "./pool.ts";

const limits = { cpus: 2, pids: 256, files: 8_192, tmpMb: null, diskMb: null, diskReadMbps: null, diskWriteMbps: null };
const bash: SlotProfile = {
  runtime: "bash",
  memoryMb: 128,
  mounts: [],
  limits,
  image: null,
  packages: [],
  bridge: false,
  executor: "container",
  log: "kept",
};
const python: SlotProfile = { ...bash, runtime: "python" };
const events: SlotEvents = { bytes: () => {}, lost: () => {}, value: () => {} };

/** A machine that makes slots as it is told to: each one starts and ends by hand. */
class Machine {
  readonly clock = new ManualClock();
  readonly made: { readonly name: string; readonly profile: SlotProfile; start(): void; fail(): void; end(): void }[] =
    [];
  readonly removed: string[] = [];
  readonly closed: string[] = [];
  readonly lent: string[] = [];
  image: string | null = "image-1";
  room = true;
  private count = 0;
  readonly pool: Pool;

  constructor(max = 4, parallel = 2) {
    this.pool = new Pool({
      clock: this.clock,
      log: silentLog(),
      max,
      parallel,
      kindOf: () => this.image,
      hasRoom: () => this.room,
      make: (profile, name) => {
        const started = Promise.withResolvers<void>();
        const gone = Promise.withResolvers<string>();
        started.promise.catch(() => {});
        this.made.push({
          name,
          profile,
          start: () => started.resolve(),
          fail: () => started.reject(new Error("no such image")),
          end: () => gone.resolve("it ended with 125"),
        });
        return {
          started: started.promise,
          gone: gone.promise,
          lend: (): Slot => {
            this.lent.push(name);
            return slotNamed(name);
          },
          remove: async () => void this.removed.push(name),
        };
      },
    });
  }

  open(): void {
    this.pool.open({
      newName: () => `s${(this.count += 1)}`,
      folderOf: (name) => `/sockets/${name}`,
      open: async () => {},
      close: async (name) => void this.closed.push(name),
    });
  }

  /** Lets time pass; everything that is being made comes up as soon as it is made. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 25) {
      this.clock.advance(Math.min(25, left));
      for (const one of this.made) {
        one.start();
      }
      await new Promise(setImmediate);
    }
  }

  take(profile: SlotProfile): string | null {
    const reservation = this.pool.reserve(profile);
    if (reservation !== null) {
      this.pool.fetch({ slot: reservation.slot, profile } as SlotRequest, events);
    }
    return reservation?.slot ?? null;
  }
}

function slotNamed(name: string): Slot {
  return {
    ready: Promise.resolve(),
    exited: new Promise(() => {}),
    drained: new Promise(() => {}),
    start: async () => {},
    stop: async () => {},
    remove: async () => {
      throw new Error(`${name} is its run's to remove`);
    },
  };
}

describe("a pool of slots that wait", () => {
  test("makes none before a job came, and starts the first job cold", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    await machine.pass(60_000);
    expect(machine.made).toEqual([]);
    expect(machine.take(bash)).toBeNull();
  });

  test("keeps one for a profile that is used now and then, and lends each slot once", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.take(bash);
    await machine.pass(1_000);
    expect(machine.made.map(({ profile }) => profile.runtime)).toEqual(["bash"]);
    expect(machine.take(bash)).toBe("s1");
    expect(machine.take(bash)).toBeNull();
    await machine.pass(1_000);
    expect(machine.lent).toEqual(["s1"]);
    expect(machine.take(bash)).toBe("s2");
    expect(machine.removed).toEqual([]);
  });

  test("lends no slot to a job of another profile", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.take(bash);
    await machine.pass(1_000);
    expect(machine.take(python)).toBeNull();
    expect(machine.take({ ...bash, memoryMb: 256 })).toBeNull();
    expect(machine.pool.has("s1")).toBe(true);
  });

  test("never has more than may wait, also when another profile is asked for", async ({ expect }) => {
    const machine = new Machine(2);
    machine.open();
    machine.take(bash);
    machine.take(bash);
    await machine.pass(1_000);
    expect(machine.pool.size).toBe(2);
    machine.take(python);
    await machine.pass(100);
    expect(machine.pool.size).toBe(2);
    expect(machine.removed).toEqual(["s1"]);
    expect(machine.made.map(({ profile }) => profile.runtime)).toEqual(["bash", "bash", "python"]);
  });

  test("makes nothing until a moment after a job took a slot, and few at a time", async ({ expect }) => {
    const machine = new Machine(8, 2);
    machine.open();
    for (let i = 0; i < 5; i += 1) {
      machine.take(bash);
    }
    expect(machine.made).toHaveLength(0);
    machine.clock.advance(25);
    expect(machine.made).toHaveLength(2);
    machine.clock.advance(1_000);
    expect(machine.made).toHaveLength(2);
    await machine.pass(1_000);
    expect(machine.pool.size).toBe(5);
  });

  test("never keeps more than it may, and none at all when that is nothing", async ({ expect }) => {
    for (const [max, kept] of [
      [3, 3],
      [0, 0],
    ] as const) {
      const machine = new Machine(max);
      machine.open();
      for (let i = 0; i < 20; i += 1) {
        machine.take(bash);
        machine.take(python);
      }
      await machine.pass(5_000);
      expect(machine.pool.size).toBe(kept);
      expect(machine.made).toHaveLength(kept);
    }
  });

  test("shrinks when the burst is long over, and forgets a profile that nobody used for an hour", async ({
    expect,
  }) => {
    const machine = new Machine();
    machine.open();
    for (let i = 0; i < 4; i += 1) {
      machine.take(bash);
    }
    await machine.pass(5_000);
    expect(machine.pool.size).toBe(4);
    await machine.pass(310_000);
    expect(machine.pool.size).toBe(1);
    expect(machine.closed).toHaveLength(3);
    machine.clock.advance(3_300_000);
    await machine.pass(20_000);
    expect(machine.pool.size).toBe(0);
    expect(machine.removed.toSorted()).toEqual(machine.made.map(({ name }) => name).toSorted());
  });

  test("makes a slot anew after ten minutes, and all of them when their image changes", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.take(bash);
    await machine.pass(30_000);
    expect(machine.made).toHaveLength(1);
    await machine.pass(600_000);
    expect(machine.removed).toEqual(["s1"]);
    machine.image = "image-2";
    expect(machine.take(bash)).toBeNull();
    await machine.pass(15_000);
    expect(machine.removed).toEqual(["s1", "s2"]);
    expect(machine.take(bash)).toBe("s3");
  });

  test("lets go of all when the engine is gone, and makes them again when it is back", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.take(bash);
    await machine.pass(1_000);
    machine.image = null;
    machine.pool.empty("Docker does not answer");
    await machine.pass(30_000);
    expect(machine.pool.size).toBe(0);
    expect(machine.take(bash)).toBeNull();
    machine.image = "image-1";
    await machine.pass(30_000);
    expect(machine.pool.size).toBe(1);
  });

  test("lends a slot that is still coming up, which is further than a new one", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.take(bash);
    machine.clock.advance(25);
    expect(machine.take(bash)).toBe("s1");
  });

  test("leaves a profile alone for longer and longer when its slots keep ending", async ({ expect }) => {
    const machine = new Machine(1);
    machine.open();
    machine.take(bash);
    const madeAfter: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      await machine.pass(120_000);
      madeAfter.push(machine.made.length);
      machine.made.at(-1)?.fail();
      machine.made.at(-1)?.end();
    }
    // Each lived for long, so each was made again at the next look.
    expect(madeAfter).toEqual([1, 2, 3, 4, 5, 6]);
    let ends = 0;
    const until = machine.clock.monotonic() + 300_000;
    while (machine.clock.monotonic() < until) {
      await machine.pass(1_000);
      const last = machine.made.at(-1);
      if (last !== undefined && machine.pool.has(last.name)) {
        ends += 1;
        last.end();
      }
    }
    expect(ends).toBeLessThan(10);
    expect(ends).toBeGreaterThan(3);
  });

  test("makes none while the machine has no room", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.room = false;
    machine.take(bash);
    await machine.pass(60_000);
    expect(machine.made).toEqual([]);
    machine.room = true;
    await machine.pass(15_000);
    expect(machine.made).toHaveLength(1);
  });

  test("that is closed removes all that waits, closes their sockets, and makes no more", async ({ expect }) => {
    const machine = new Machine();
    machine.open();
    machine.take(bash);
    await machine.pass(1_000);
    await machine.pool.close();
    expect(machine.removed).toEqual(["s1"]);
    expect(machine.closed).toEqual(["s1"]);
    machine.open();
    expect(machine.take(bash)).toBeNull();
    await machine.pass(60_000);
    expect(machine.made).toHaveLength(1);
    expect(machine.clock.pending).toBe(0);
  });
});
