/**
 * The cache of variables, both ends of it as they are, over connections that delay, overtake one another and break: no
 * read is older than a write that was acknowledged before it began, and most reads are answered from the cache.
 */
import { afterEach, beforeEach, test, vi } from "vitest";
import { allow, beginWrite, onUncached, readReaders } from "../control-plane/src/objects/dispatcher/calls/readers.ts";
import type { Shell } from "../control-plane/src/objects/dispatcher/shell.ts";
import { VariableCache } from "../runner/src/sidecar/variable-cache.ts";
import { Rng } from "./rng.ts";

const RUNNERS = 4;
const NAMES = 40;
const VIRTUAL_MS = 120_000;
const STEP_MS = 5;
/** Of reads at each step, over all runners. */
const READS_PER_STEP = 4;

interface Options {
  readonly seed: number;
  readonly writeShare: number;
  readonly partitions: boolean;
  /** A control plane that does not wait for its readers: what the checker must find. */
  readonly impatient?: boolean;
}

interface Outcome {
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  readonly stale: readonly string[];
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Names by how often they are asked for: the n-th 1/n as often as the first. */
function zipf(rng: Rng): string {
  const weights = Array.from({ length: NAMES }, (_, i) => 1 / (i + 1));
  let at = rng.next() * weights.reduce((sum, weight) => sum + weight, 0);
  const found = weights.findIndex((weight) => (at -= weight) <= 0);
  return `V${found === -1 ? NAMES - 1 : found}`;
}

async function play({ seed, writeShare, partitions, impatient = false }: Options): Promise<Outcome> {
  const rng = new Rng(seed);
  const now = (): number => Date.now();
  const delay = (): number => Math.floor(rng.next() * 40);
  const versions = new Map<string, number>();
  const acknowledged = new Map<string, number>();
  const cutOff = new Map<number, number>();
  const stale: string[] = [];
  let [reads, hits, writes] = [0, 0, 0];

  const isCut = (runner: number): boolean => (cutOff.get(runner) ?? 0) > now();
  const later = (ms: number, work: () => void): void => {
    setTimeout(work, ms);
  };
  /** In order, as over one connection; lost while it is cut. */
  const lines = new Map<string, number>();
  const inOrder = (runner: number, way: "up" | "down", work: () => void): void => {
    const key = `${runner}/${way}`;
    const at = Math.max(lines.get(key) ?? 0, now() + delay());
    lines.set(key, at);
    later(at - now(), () => {
      if (!isCut(runner)) {
        work();
      }
    });
  };
  const caches = Array.from({ length: RUNNERS }, () => new VariableCache(now));
  const link = (runner: number) => ({
    readyState: 1,
    deserializeAttachment: () => ({ kind: "runner", stage: "ready", epoch: "e", runnerId: `r${runner}` }),
    send: (text: string) => {
      const { id, names } = JSON.parse(text) as { id: number; names: string[] };
      inOrder(runner, "down", () => {
        caches[runner]?.drop(names, id);
        inOrder(runner, "up", () => onUncached(shell, { runnerId: `r${runner}`, epoch: "e" }, id));
      });
    },
  });
  const sql = { exec: () => ({ toArray: () => [] }) };
  const shell = {
    sql,
    deps: { clock: { now } },
    polls: new Map(),
    readers: readReaders(sql as unknown as SqlStorage, now()),
    ctx: { getWebSockets: (tag: string) => [link(Number(tag.split(":r")[1]))] },
  } as unknown as Shell;

  const check = (name: string, version: number, floor: number, where: string): void => {
    if (version < floor) {
      stale.push(`${where} of ${name}: ${version}, and ${floor} was acknowledged before`);
    }
  };
  const read = (runner: number, name: string): void => {
    const cache = caches[runner];
    const floor = acknowledged.get(name) ?? 0;
    reads += 1;
    const cached = cache?.get(null, name) ?? null;
    if (cached !== null) {
      hits += 1;
      check(name, cached.version, floor, "cached read");
      return;
    }
    const keep = cache?.asking(null, name);
    inOrder(runner, "up", () => {
      const version = versions.get(name) ?? 0;
      const allowed = allow(shell, { runnerId: `r${runner}`, epoch: "e" }, name, now());
      const arrive = (): void => {
        keep?.({ value: String(version), version }, allowed);
        check(name, version, floor, "read");
      };
      // Of a run in a shard the answer takes another way than what home says.
      if (rng.next() < 0.5) {
        later(delay(), arrive);
      } else {
        inOrder(runner, "down", arrive);
      }
    });
  };
  const write = (runner: number, name: string): void => {
    writes += 1;
    inOrder(runner, "up", () => {
      const { clear, end } = beginWrite(shell, name);
      const commit = (): void => {
        const version = (versions.get(name) ?? 0) + 1;
        versions.set(name, version);
        end();
        inOrder(runner, "down", () => acknowledged.set(name, Math.max(version, acknowledged.get(name) ?? 0)));
      };
      void (impatient ? Promise.resolve() : (clear ?? Promise.resolve())).then(commit);
    });
  };

  for (let at = 0; at < VIRTUAL_MS; at += STEP_MS) {
    for (let i = 0; i < READS_PER_STEP; i += 1) {
      const runner = Math.floor(rng.next() * RUNNERS);
      const name = zipf(rng);
      if (rng.next() < writeShare) {
        write(runner, name);
      } else {
        read(runner, name);
      }
    }
    if (partitions && rng.next() < 0.001) {
      cutOff.set(Math.floor(rng.next() * RUNNERS), now() + 15_000);
    }
    await vi.advanceTimersByTimeAsync(STEP_MS);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  return { reads, hits, writes, stale };
}

test.for([1, 2, 3])(
  "no read is stale and four of five are hits, on a Zipf trace (seed %i)",
  async (seed, { expect }) => {
    const { reads, hits, writes, stale } = await play({ seed, writeShare: 0.002, partitions: false });
    expect(stale).toEqual([]);
    expect(writes).toBeGreaterThan(100);
    expect(hits / reads).toBeGreaterThanOrEqual(0.8);
  },
);

test.for([4, 5])(
  "F4 no read is stale while connections are cut for longer than a value may be kept (seed %i)",
  async (seed, { expect }) => {
    const { reads, writes, stale } = await play({ seed, writeShare: 0.02, partitions: true });
    expect(stale).toEqual([]);
    expect([reads > 50_000, writes > 1_000]).toEqual([true, true]);
  },
);

test("a control plane that does not wait for its readers is found out", async ({ expect }) => {
  const { stale } = await play({ seed: 6, writeShare: 0.02, partitions: false, impatient: true });
  expect(stale.length).toBeGreaterThan(0);
});
