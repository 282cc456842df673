import { SOUND } from "./quarantine.ts";
import { describe, test } from "vitest";
import { leaseUntil, tickEveryMs, wasAway } from "./lease.ts";
import { isFresh, runnerState, toRunner, type RunnerRecord } from "./runner.ts";

describe("leases", () => {
  test("a sign of life moves the end, and never back", ({ expect }) => {
    expect(leaseUntil(1_000, 900, 300)).toBe(1_200);
    expect(leaseUntil(1_000, 100, 300)).toBe(1_000);
    expect(leaseUntil(1_000, null, 300)).toBe(1_000);
  });

  test("ticks come three times in a lease, and once a minute at least", ({ expect }) => {
    expect(tickEveryMs(300_000)).toBe(60_000);
    expect(tickEveryMs(90_000)).toBe(30_000);
    expect(tickEveryMs(30)).toBe(50);
  });

  test("vanished sockets or a tick long overdue mean that the server was away", ({ expect }) => {
    const up = { vanished: 0, liveLeases: 1, tickDueAt: 1_000, now: 5_000 };
    expect(wasAway(up)).toBe(false);
    expect(wasAway({ ...up, vanished: 1 })).toBe(true);
    expect(wasAway({ ...up, now: 20_000 })).toBe(true);
    expect(wasAway({ ...up, tickDueAt: null })).toBe(false);
    expect(wasAway({ ...up, vanished: 1, liveLeases: 0 })).toBe(false);
  });
});

const runner: RunnerRecord = {
  id: "rnr_1",
  name: "shed",
  labels: { gpu: "yes" },
  version: "1",
  platform: null,
  slots: 2,
  notReady: [],
  draining: false,
  latencyMs: null,
  epoch: "1",
  connected: true,
  connectedAt: 1_000,
  lastSeenAt: 1_000,
  createdAt: 0,
  revokedAt: null,
  ephemeral: false,
  servedAt: null,
  awaySince: null,
  clockSkewMs: null,
  pause: null,
  machinePausedAt: null,
  facts: null,
  metrics: null,
  ...SOUND,
  state: "online",
  sealingKey: null,
  protocol: 2,
  rev: 1,
};

describe("the state of a runner", () => {
  const facts = { seenAt: 1_000, slotsUsed: 0, now: 2_000, unreachableAfterMs: 60_000 };

  test("is derived from what is known of it", ({ expect }) => {
    expect(runnerState(runner, facts)).toBe("online");
    expect(runnerState(runner, { ...facts, slotsUsed: 2 })).toBe("busy");
    expect(runnerState({ ...runner, draining: true }, facts)).toBe("draining");
    const pause = { note: "", at: 1, until: null };
    expect(runnerState({ ...runner, pause }, facts)).toBe("paused");
    expect(runnerState({ ...runner, machinePausedAt: 1 }, { ...facts, slotsUsed: 99 })).toBe("paused");
    expect(runnerState({ ...runner, pause, draining: true }, facts)).toBe("draining");
    expect(runnerState({ ...runner, pause, connected: false }, facts)).toBe("offline");
    expect(runnerState(runner, { ...facts, now: 61_000 })).toBe("unreachable");
    expect(runnerState({ ...runner, connected: false }, facts)).toBe("offline");
    expect(runnerState({ ...runner, revokedAt: 5 }, facts)).toBe("disabled");
  });

  test("freshness needs a sign of life", ({ expect }) => {
    expect(isFresh(null, 0, 1)).toBe(false);
  });

  test("the view shows times only where they mean something", ({ expect }) => {
    const view = toRunner({ ...runner, connected: false }, { seenAt: null, slotsUsed: 1, transport: null });
    expect(view).toMatchObject({ connectedAt: null, lastSeenAt: null, slotsUsed: 1, labels: { gpu: "yes" } });
  });
});
