import { describe, test } from "vitest";
import { ManualClock } from "../../test/manual-clock.ts";
import { silentLog } from "../base/log.ts";
import { ExecutorError, type Exit, type Slot } from "../executors/types.ts";
import { LateSlot } from "./late-slot.ts";

const away = new Error("connect ECONNREFUSED");

/** An engine that does not answer until it is told what it finds. */
class Engine {
  readonly clock = new ManualClock();
  readonly end = Promise.withResolvers<Exit>();
  readonly said: string[] = [];
  finds: Slot | null | Error = away;
  lost = 0;
  readonly slot: Slot = {
    ready: Promise.resolve(),
    exited: this.end.promise,
    drained: Promise.resolve(),
    start: async () => {},
    stop: async () => {
      this.said.push("stop");
      this.end.resolve({ code: 143, oomKilled: false });
    },
    remove: async () => {
      this.said.push("remove");
    },
  };

  late(): LateSlot {
    const find = (): Promise<Slot | null> =>
      this.finds instanceof Error ? Promise.reject(this.finds) : Promise.resolve(this.finds);
    const lost = (): void => {
      this.lost += 1;
    };
    return new LateSlot({ clock: this.clock, log: silentLog(), find, first: find(), withinMs: 300_000, lost });
  }

  /** Lets time pass second by second, so that what waits for an answer hears it. */
  async pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 1_000) {
      this.clock.advance(1_000);
      await new Promise(setImmediate);
    }
  }
}

describe("F20 a slot whose engine does not answer when the runner starts", () => {
  test("goes on as soon as the engine knows it", async ({ expect }) => {
    const engine = new Engine();
    const late = engine.late();
    await engine.pass(60_000);
    engine.finds = engine.slot;
    await engine.pass(2_000);
    engine.end.resolve({ code: 3, oomKilled: false });

    expect(await late.exited).toEqual({ code: 3, oomKilled: false });
    await late.drained;
    await late.remove();
    expect(engine).toMatchObject({ said: ["remove"], lost: 0 });
    expect(engine.clock.pending).toBe(0);
  });

  test("ends as a fault of the engine when it is gone, and its output is declared missing", async ({ expect }) => {
    const engine = new Engine();
    const late = engine.late();
    engine.finds = null;
    await engine.pass(2_000);

    await expect(late.exited).rejects.toMatchObject({ code: "daemon", message: expect.stringContaining("gone") });
    expect(engine.lost).toBe(1);
  });

  test("is given up after the length of a lease, and removed when it turns up later", async ({ expect }) => {
    const engine = new Engine();
    const answer = Promise.withResolvers<Slot | null>();
    const { clock, slot } = engine;
    const late = new LateSlot({
      clock,
      log: silentLog(),
      find: () => answer.promise,
      first: answer.promise,
      withinMs: 300_000,
      lost: () => {},
    });
    await engine.pass(301_000);

    await expect(late.exited).rejects.toBeInstanceOf(ExecutorError);
    answer.resolve(slot);
    await engine.pass(1_000);
    expect(engine.said).toEqual(["remove"]);
  });

  test("is stopped when the engine is back in time, and not waited for longer than that", async ({ expect }) => {
    const engine = new Engine();
    const late = engine.late();
    const stopping = late.stop(10_000);
    await engine.pass(5_000);
    engine.finds = engine.slot;
    await engine.pass(2_000);
    await stopping;
    expect(await late.exited).toMatchObject({ code: 143 });

    const other = new Engine();
    const stuck = other.late().stop(10_000);
    stuck.catch(() => {});
    await other.pass(26_000);
    await expect(stuck).rejects.toMatchObject({ code: "daemon" });
  });
});
