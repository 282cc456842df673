import { describe, test } from "vitest";
import { corpus } from "./corpus.ts";
import { makePlan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate, simulateSeed } from "./simulate.ts";

const SEEDS = 1_000;
const BATCH = 100;

describe("plans that once broke a guarantee", () => {
  test.for(corpus.map(({ name, id, plan }) => [name, id, plan] as const))(
    "%s does not break %s any more",
    async ([, , plan], { expect }) => {
      expect((await simulate(plan, { keepTrace: false })).violation).toBeNull();
    },
  );
});

describe("every guarantee holds after every step, and everything comes to an end after healing", () => {
  const batches = Array.from({ length: SEEDS / BATCH }, (_, i) => [1 + i * BATCH, (i + 1) * BATCH] as const);
  test.for(batches)("in seeds %i to %i", async ([from, to], { expect }) => {
    const broken: string[] = [];
    for (let seed = from; seed <= to; seed += 1) {
      const { violation } = await simulateSeed(seed);
      if (violation !== null) {
        broken.push(`seed ${seed}: ${violation.message} (node simulation/main.ts --seeds 1 --from ${seed})`);
      }
    }
    expect(broken).toEqual([]);
  });
});

describe("a seed", () => {
  test("gives the same trace, byte for byte, as often as it is simulated", async ({ expect }) => {
    for (const seed of [1, 23, 42]) {
      const first = await simulateSeed(seed, { keepTrace: true });
      const second = await simulateSeed(seed, { keepTrace: true });
      expect(first.trace.length).toBeGreaterThan(100);
      expect(second.trace).toEqual(first.trace);
      expect(second.digest).toBe(first.digest);
    }
  });

  test("is told from another by its trace", async ({ expect }) => {
    const one = await simulateSeed(1);
    const other = await simulateSeed(2);
    expect(one.digest).not.toBe(other.digest);
  });
});

test("what the simulation is made for happens in it", async ({ expect }) => {
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 60; seed += 1) {
    const { trace } = await simulateSeed(seed, { keepTrace: true });
    for (const line of trace) {
      for (const [, kind = ""] of line.matchAll(/"(?:type|kind|state|outcome|failReason)":"(\w+)"/g)) {
        kinds.add(kind);
      }
      if (/container \S+ starts/.test(line)) {
        kinds.add("container starts");
      }
      if (line.includes("requeued run_")) {
        kinds.add("requeued");
      }
      if (line.includes("injected crash")) {
        kinds.add("injected crash");
      }
    }
  }
  const seen = (name: string): boolean => kinds.has(name);
  const frames = ["hello", "welcome", "jobs", "accept", "decline", "granted", "refused", "started", "exited", "done"];
  const more = [
    "ack",
    "cancel",
    "stale",
    "status",
    "bye",
    "succeeded",
    "failed",
    "timed_out",
    "cancelled",
    "exit_code",
  ];
  const faults = [
    "requeue",
    "requeued",
    "trigger",
    "retrigger",
    "hole",
    "noise",
    "break",
    "crash",
    "evict",
    "fuse",
    "alarm_again",
    "alarm_late",
  ];
  const others = ["kill", "pause", "drain", "revoke", "server_clock", "runner_clock", "d1", "rooms_fail", "replay"];
  const ends = ["container_dies", "running", "oom", "start_failed", "container starts", "injected crash"];
  expect([...frames, ...more, ...faults, ...others, ...ends].filter((name) => !seen(name))).toEqual([]);
});

test("a plan is made smaller only as long as the same guarantee breaks", async ({ expect }) => {
  const plan = makePlan(3);
  const { plan: same } = await shrink(plan, "no such guarantee");
  expect(same.actions).toEqual(plan.actions);
});
