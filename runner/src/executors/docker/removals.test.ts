import type Docker from "dockerode";
import { describe, test } from "vitest";
import { ManualClock } from "../../../test/manual-clock.ts";
import { silentLog } from "../../base/log.ts";
import { Removals } from "./removals.ts";

type Answer = "gone" | "busy" | "away" | "none" | "not there";

/** An engine that answers each removal as it is told to, and counts them. */
class Engine {
  readonly clock = new ManualClock();
  readonly asked: string[] = [];
  answer: Answer = "gone";
  readonly removals = new Removals({
    docker: { getContainer: (id: string) => ({ remove: () => this.remove(id) }) } as unknown as Docker,
    clock: this.clock,
    log: silentLog(),
    mostStuck: 2,
  });

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await new Promise(setImmediate);
  }

  private async remove(id: string): Promise<void> {
    this.asked.push(id);
    switch (this.answer) {
      case "busy":
        throw Object.assign(new Error("device or resource busy"), { statusCode: 500 });
      case "not there":
        throw Object.assign(new Error("no such container"), { statusCode: 404 });
      case "away":
        throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
      case "none":
        return new Promise(() => {});
      default:
    }
  }
}

describe("F24 taking containers away", () => {
  test("is asked once for each, and what is not there is gone", async ({ expect }) => {
    const { removals, asked } = Object.assign(new Engine(), { answer: "not there" as const });
    await Promise.all([removals.remove("a"), removals.remove("a")]);
    expect([asked, removals.stuck, removals.has("a")]).toEqual([["a"], 0, false]);
  });

  test("is tried again after 2 s, 4 s, and so on until it works, and counts as stuck meanwhile", async ({ expect }) => {
    const engine = new Engine();
    engine.answer = "busy";
    await expect(engine.removals.remove("a")).rejects.toThrow("busy");
    expect([engine.removals.stuck, engine.removals.problem]).toEqual([1, null]);
    await engine.pass(1_999);
    expect(engine.asked).toHaveLength(1);
    await engine.pass(1);
    expect(engine.asked).toHaveLength(2);
    engine.answer = "gone";
    await engine.pass(4_000);
    expect([engine.asked.length, engine.removals.stuck, engine.removals.has("a")]).toEqual([3, 0, false]);
    expect(engine.clock.pending).toBe(0);
  });

  test("that gets no answer counts as stuck after 10 s, and is given up after 30 s", async ({ expect }) => {
    const engine = new Engine();
    engine.answer = "none";
    const removal = engine.removals.remove("a");
    const refused = expect(removal).rejects.toThrow("did not remove the container within 30 s");
    await engine.pass(9_999);
    expect(engine.removals.stuck).toBe(0);
    await engine.pass(1);
    expect(engine.removals.stuck).toBe(1);
    await engine.pass(20_000);
    await refused;
  });

  test("is left to the sweep while the engine is away", async ({ expect }) => {
    const engine = new Engine();
    engine.answer = "away";
    await expect(engine.removals.remove("a")).rejects.toThrow("connect");
    await engine.pass(120_000);
    expect([engine.asked.length, engine.removals.stuck, engine.removals.has("a")]).toEqual([1, 0, false]);
  });

  test("past its bound keeps jobs away, with a sentence", async ({ expect }) => {
    const engine = new Engine();
    engine.answer = "busy";
    await Promise.allSettled(["a", "b"].map((id) => engine.removals.remove(id)));
    expect(engine.removals.problem).toBe("Docker does not take away 2 containers of jobs that have ended here.");
    engine.removals.close();
    await engine.pass(0);
    expect(engine.clock.pending).toBe(0);
  });
});
