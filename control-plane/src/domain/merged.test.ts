import type { Bulk, Queue } from "@cronium/protocol";
import { describe, test } from "vitest";
import type { EngineStats } from "./engine-stats.ts";
import { mergeBulk } from "./merged-bulk.ts";
import { mergeQueues } from "./merged-queues.ts";
import { mergeStats } from "./merged-stats.ts";

const queue = (name: string, change: Partial<Queue> = {}): Queue => ({
  name,
  depth: 0,
  running: 0,
  oldestQueuedAt: null,
  paused: null,
  shard: 0,
  ...change,
});

const histogram = (counts: number[], sum: number) => ({ bounds: [1, 2], counts, sum, count: counts.length });
const stats = (change: Partial<EngineStats>): EngineStats => ({
  now: 10,
  live: {},
  hours: [],
  oldestQueuedAt: null,
  deadLetters: 1,
  outboxRows: 0,
  outboxOldestAt: null,
  runners: { registered: 2, connected: 1, quarantined: 0 },
  viewers: 3,
  meters: {
    dispatchMs: histogram([0, 0], 0),
    commitSize: histogram([1, 0], 1),
    leasesLost: 0,
    retries: 1,
    quarantines: 1,
  },
  ...change,
});

const bulk = (change: Partial<Bulk>): Bulk => ({
  id: "blk_01m7y2e8yskjydhxp8psmj392g",
  action: "cancel",
  filter: { state: ["queued"] },
  state: "finished",
  matched: 2,
  done: 1,
  failed: 1,
  reasons: [{ code: "already_final", count: 1, example: "It has ended." }],
  createdAt: "2026-11-21T00:00:00.000Z",
  finishedAt: "2026-11-21T00:00:05.000Z",
  ...change,
});

describe("what several Dispatchers say of one workspace", () => {
  test("queues are listed once, with what waits and runs in all of them", ({ expect }) => {
    const paused = { note: "", at: "2026-11-21T00:00:00.000Z" };
    const home = [
      queue("default", { depth: 1, oldestQueuedAt: "2026-11-21T00:00:02.000Z" }),
      queue("hot", { shard: 1 }),
    ];
    const shard = [
      queue("default"),
      queue("hot", { depth: 4, running: 2, oldestQueuedAt: "2026-11-21T00:00:01.000Z" }),
      queue("left", { running: 1 }),
      queue("told", { paused }),
    ];
    expect(mergeQueues([home, shard])).toEqual([
      home[0],
      { ...queue("hot", { depth: 4, running: 2, shard: 1 }), oldestQueuedAt: "2026-11-21T00:00:01.000Z" },
      queue("left", { running: 1 }),
    ]);
  });

  test("numbers add up, and runners and viewers are home's", ({ expect }) => {
    const home = stats({ live: { queued: 1 }, hours: [{ at: 0, name: "triggered", count: 2 }], oldestQueuedAt: 7 });
    const shard = stats({
      live: { queued: 2, running: 1 },
      hours: [
        { at: 0, name: "triggered", count: 3 },
        { at: 0, name: "failed", count: 1 },
      ],
      oldestQueuedAt: 5,
      outboxRows: 4,
      runners: { registered: 9, connected: 9, quarantined: 9 },
      viewers: 0,
    });
    expect(mergeStats([home, shard])).toMatchObject({
      live: { queued: 3, running: 1 },
      hours: [
        { at: 0, name: "triggered", count: 5 },
        { at: 0, name: "failed", count: 1 },
      ],
      oldestQueuedAt: 5,
      outboxRows: 4,
      runners: { registered: 2, connected: 1, quarantined: 0 },
      viewers: 3,
      meters: { commitSize: { counts: [2, 0], sum: 2 }, retries: 2, quarantines: 2 },
    });
    expect(mergeStats([home])).toBe(home);
  });

  test("bulk work runs while any part of it does, and was stopped when any part was", ({ expect }) => {
    expect(mergeBulk([bulk({}), bulk({ state: "running", finishedAt: null })])).toMatchObject({
      state: "running",
      matched: 4,
      finishedAt: null,
      reasons: [{ code: "already_final", count: 2 }],
    });
    const later = "2026-11-21T00:00:09.000Z";
    const reasons = [{ code: "internal", count: 1, example: "A fault." }];
    expect(mergeBulk([bulk({}), bulk({ state: "stopped", finishedAt: later, reasons })])).toMatchObject({
      state: "stopped",
      finishedAt: later,
      reasons: [{ code: "already_final" }, { code: "internal" }],
    });
  });
});
