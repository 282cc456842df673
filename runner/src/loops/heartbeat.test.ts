import { describe, test } from "vitest";
import { ManualClock } from "../../test/manual-clock.ts";
import { silentLog } from "../base/log.ts";
import { Heartbeat } from "./heartbeat.ts";

function setUp() {
  const clock = new ManualClock();
  const seen = { pings: 0, terminated: 0, fenced: 0, latencies: [] as number[], renewals: [] as [number, number][] };
  let socketUp = true;
  const heartbeat = new Heartbeat({
    clock,
    log: silentLog(),
    ping: () => {
      seen.pings += socketUp ? 1 : 0;
      return socketUp;
    },
    terminate: () => {
      seen.terminated += 1;
      socketUp = false;
      heartbeat.disconnected();
    },
    leaseLost: () => {
      seen.fenced += 1;
    },
    renewed: (at, leaseMs) => seen.renewals.push([at, leaseMs]),
    measured: (latencyMs) => seen.latencies.push(latencyMs),
  });
  const connect = (): void => {
    socketUp = true;
    heartbeat.connected(300_000, 20_000);
  };
  return { clock, heartbeat, seen, connect };
}

describe("the heartbeat", () => {
  test("pings at once and every 20 s, and measures the round trip", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();

    connect();
    clock.advance(7);
    heartbeat.pong();
    clock.advance(19_993);
    clock.advance(12);
    heartbeat.pong();

    expect(seen.pings).toBe(2);
    expect(seen.latencies).toEqual([7, 12]);
  });

  test("gives up a socket that has not answered for 2.5 pings", ({ expect }) => {
    const { clock, seen, connect } = setUp();

    connect();
    clock.advance(49_999);
    expect(seen.terminated).toBe(0);
    clock.advance(1);

    expect(seen.terminated).toBe(1);
  });

  test("fences itself at 80 % of the lease, counted from when the ping was sent", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();

    connect();
    clock.advance(5_000);
    heartbeat.pong();
    clock.advance(234_999);
    expect(seen.fenced).toBe(0);
    clock.advance(1);
    clock.advance(1_000_000);

    expect(seen.fenced).toBe(1);
  });

  test("F17 does not fence itself when pongs come again after a long silence", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();

    connect();
    heartbeat.pong();
    clock.advance(200_000);
    connect();
    heartbeat.pong();
    clock.advance(239_000);

    expect(seen.fenced).toBe(0);
  });

  test("notes each renewal from when its ping was sent", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();
    const at = clock.monotonic();

    connect();
    clock.advance(7);
    heartbeat.pong();

    expect(seen.renewals).toEqual([[at, 300_000]]);
  });

  test("F3 fences also when the network goes dark between the welcome and the first pong", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();
    connect();
    heartbeat.disconnected();
    clock.advance(239_999);
    expect(seen.fenced).toBe(0);
    clock.advance(1);
    expect(seen.fenced).toBe(1);
  });

  test("F1 tells what is known of a lease as soon as one begins, for a process that dies before the next pong", ({
    expect,
  }) => {
    const { clock, heartbeat, seen, connect } = setUp();
    heartbeat.granted();
    expect(seen.renewals).toEqual([]);
    connect();
    const at = clock.monotonic();
    clock.advance(5_000);
    heartbeat.granted();
    expect(seen.renewals).toEqual([[at, 300_000]]);
  });

  test("F1 fences leases of an earlier process at their time, connected or not", ({ expect }) => {
    const { clock, heartbeat, seen } = setUp();

    heartbeat.resume(clock.monotonic() - 100_000, 300_000);
    clock.advance(139_999);
    expect(seen.fenced).toBe(0);
    clock.advance(1);

    expect(seen.fenced).toBe(1);
  });

  test("F1 waits a moment for the verdict on leases that ran out while no process was there", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();

    heartbeat.resume(clock.monotonic() - 1_000_000, 300_000);
    clock.advance(9_000);
    connect();
    heartbeat.pong();
    clock.advance(100_000);
    expect(seen.fenced).toBe(0);

    const late = setUp();
    late.heartbeat.resume(late.clock.monotonic() - 1_000_000, 300_000);
    late.clock.advance(10_000);
    expect(late.seen.fenced).toBe(1);
  });

  test("takes no pong of an earlier socket for an answer on this one", ({ expect }) => {
    const { clock, heartbeat, seen, connect } = setUp();

    connect();
    heartbeat.pong();
    heartbeat.disconnected();
    heartbeat.pong();

    expect(seen.latencies).toHaveLength(1);
    heartbeat.stop();
    expect(clock.pending).toBe(0);
  });
});
