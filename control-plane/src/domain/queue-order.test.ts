import { describe, test } from "vitest";
import {
  AGEING_MS,
  effectivePriority,
  forgetIdle,
  joined,
  newClocks,
  nextLane,
  served,
  type QueueClocks,
  type WaitingLane,
} from "./queue-order.ts";

const lane = (id: number, flow: string, priority = 0): WaitingLane => ({ id, flow, priority });

/** Serves `times` runs from lanes that never run dry, one every `everyMs`; the flows or priorities in order. */
function serve(
  clocks: QueueClocks,
  lanes: readonly WaitingLane[],
  options: { times: number; weights?: Record<string, number>; everyMs?: number; from?: number },
): WaitingLane[] {
  let now = options.from ?? 0;
  return Array.from({ length: options.times }, () => {
    const next = nextLane(clocks, lanes, now);
    if (next === null) {
      throw new Error("no lane");
    }
    served(clocks, next, options.weights?.[next.flow] ?? 10, now);
    now += options.everyMs ?? 0;
    return next;
  });
}

const count = (served: readonly WaitingLane[], test: (lane: WaitingLane) => boolean): number =>
  served.filter(test).length;

describe("fairness within a priority", () => {
  test("events of equal weight take turns", ({ expect }) => {
    const clocks = newClocks();
    const lanes = [lane(1, "a"), lane(2, "b"), lane(3, "c")];
    lanes.forEach((one) => joined(clocks, one, 0));
    expect(serve(clocks, lanes, { times: 6 }).map((one) => one.flow)).toEqual(["a", "b", "c", "a", "b", "c"]);
  });

  test("starts are shared in proportion to the weights", ({ expect }) => {
    const clocks = newClocks();
    const lanes = [lane(1, "a"), lane(2, "b")];
    lanes.forEach((one) => joined(clocks, one, 0));
    const order = serve(clocks, lanes, { times: 400, weights: { a: 30, b: 10 } });
    expect(Math.abs(count(order, (one) => one.flow === "a") - 300)).toBeLessThanOrEqual(1);
  });

  test("a flood of one event delays a newcomer by one start, and the newcomer has no credit", ({ expect }) => {
    const clocks = newClocks();
    const flood = lane(1, "flood");
    joined(clocks, flood, 0);
    serve(clocks, [flood], { times: 1_000 });
    const newcomer = lane(2, "new");
    joined(clocks, newcomer, 0);
    const order = serve(clocks, [flood, newcomer], { times: 10 });
    expect(order.slice(0, 2).map((one) => one.flow)).toContain("new");
    expect(count(order, (one) => one.flow === "new")).toBeLessThanOrEqual(6);
  });

  test("several lanes of one event share one turn", ({ expect }) => {
    const clocks = newClocks();
    const lanes = [lane(1, "a"), lane(2, "a"), lane(3, "b")];
    lanes.forEach((one) => joined(clocks, one, 0));
    expect(count(serve(clocks, lanes, { times: 20 }), (one) => one.flow === "a")).toBe(10);
  });
});

describe("priority and age", () => {
  test("the higher priority goes first, whatever its event has had", ({ expect }) => {
    const clocks = newClocks();
    const lanes = [lane(1, "a", 0), lane(2, "b", 1)];
    lanes.forEach((one) => joined(clocks, one, 0));
    expect(count(serve(clocks, lanes, { times: 50 }), (one) => one.priority === 1)).toBe(50);
  });

  test("a priority that is not served gains a point every 18 s, and loses them when it is", ({ expect }) => {
    const clocks = newClocks();
    joined(clocks, lane(1, "a", -3), 1_000);
    expect(effectivePriority(clocks, -3, 1_000 + AGEING_MS - 1)).toBe(-3);
    expect(effectivePriority(clocks, -3, 1_000 + 4 * AGEING_MS)).toBe(1);
    served(clocks, lane(1, "a", -3), 10, 1_000 + 4 * AGEING_MS);
    expect(effectivePriority(clocks, -3, 1_000 + 4 * AGEING_MS)).toBe(-3);
  });

  test("nothing starves: the lowest priority is served at least once in about an hour of the highest", ({ expect }) => {
    const clocks = newClocks();
    const lanes = [lane(1, "low", -100), lane(2, "high", 100)];
    lanes.forEach((one) => joined(clocks, one, 0));
    const everyMs = 1_000;
    const order = serve(clocks, lanes, { times: 3 * 3_620, everyMs });
    const at = order.flatMap((one, i) => (one.flow === "low" ? [i * everyMs] : []));
    expect(at.length).toBeGreaterThanOrEqual(2);
    for (const [i, time] of at.entries()) {
      expect(time - (at[i - 1] ?? 0)).toBeLessThanOrEqual(201 * AGEING_MS);
    }
  });

  test("a priority that nobody waited in gains nothing meanwhile", ({ expect }) => {
    const clocks = newClocks();
    const low = lane(1, "low", -1);
    joined(clocks, low, 0);
    forgetIdle(clocks, []);
    joined(clocks, low, 3_600_000);
    expect(effectivePriority(clocks, -1, 3_600_000)).toBe(-1);
  });
});

test("clocks of idle events are forgotten, but not their debts", ({ expect }) => {
  const clocks = newClocks();
  joined(clocks, lane(1, "a"), 0);
  joined(clocks, lane(2, "b"), 0);
  served(clocks, lane(2, "b"), 1, 0);
  forgetIdle(clocks, []);
  expect([...clocks.flows.keys()]).toEqual(["b"]);
});

test("there is nothing to serve without lanes", ({ expect }) => {
  expect(nextLane(newClocks(), [], 0)).toBeNull();
});
