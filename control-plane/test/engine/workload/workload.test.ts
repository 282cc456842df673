/**
 * The simulation's workload on real workerd: machines over real sockets, random faults, evictions and alarms, and the
 * invariants checked against the object's own tables. The seed decides what is done, not how the runtime interleaves it.
 */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { isTerminal } from "@cronium/protocol/run-states";
import { describe, type ExpectStatic, test } from "vitest";
import { evict } from "../evict.ts";
import { registerFake } from "../fake-runner.ts";
import { makePlane, script, type Plane } from "../plane.ts";
import { createEvent } from "../queue-story.ts";
import { Chance } from "./chance.ts";
import { Ledger } from "./ledger.ts";
import { Machine } from "./machine.ts";

const SEEDS = [1, 7, 20_261_121];
const RUNS = 80;
const MACHINES = 3;
const LIMIT = 2;
/** Runs that came last are the ones under way. */
const LATELY = 10;
/** A busy machine takes long until the last lease is given up; this ends what hangs. */
const HEAL_WITHIN_MS = 300_000;

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

interface World {
  readonly plane: Plane;
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly machines: readonly Machine[];
  readonly eventId: string;
  readonly keys: string[];
}

/** A trigger, or the repetition of one; repeated until it is answered. */
async function trigger({ plane, chance, ledger, eventId, keys }: World, again: boolean): Promise<void> {
  const key = (again ? chance.pick(keys) : undefined) ?? `key-${keys.length}`;
  if (!keys.includes(key)) {
    keys.push(key);
  }
  // What a key stands for must not depend on when it is repeated.
  const n = Number(key.slice(4));
  const limited = n % 4 === 0;
  const path = limited ? `/events/${eventId}/runs` : "/runs";
  const onLost = (["retry", "retry", "fail", "wait"] as const)[n % 4] ?? "retry";
  const body = limited ? { input: n } : { ...script, input: n, onLost, scriptRetries: n % 3, maxAttempts: 1 + (n % 5) };
  for (let tries = 0; tries < 20; tries += 1) {
    const response = await plane.call("POST", path, body, { "idempotency-key": key }).catch(() => null);
    const answer = response === null ? null : await response.json<{ runId: string }>();
    if (response?.status === 202 && answer !== null) {
      ledger.triggered(key, answer.runId);
      return;
    }
    if (response !== null && response.status < 500) {
      throw new Error(`The trigger was answered with ${response.status}: ${JSON.stringify(answer)}`);
    }
    await after(50);
  }
  throw new Error("The trigger was never answered.");
}

async function check({ plane, ledger, eventId }: World): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    ledger.check(storage.sql, { eventId, limit: LIMIT });
  });
}

async function fault(world: World): Promise<void> {
  const { plane, chance, machines, ledger } = world;
  const machine = chance.pick(machines);
  const kind = chance.int(0, 11);
  if (kind <= 1) {
    // Only what is there can be evicted.
    await plane.dispatcher.check();
  }
  if (kind === 0) {
    await evict(plane.dispatcherStub, { webSockets: "close" });
  } else if (kind === 1) {
    await evict(plane.dispatcherStub);
  } else if (kind === 2) {
    await runDurableObjectAlarm(plane.dispatcherStub);
  } else if (kind === 3) {
    // Longer than a lease, once in a while.
    machine?.cut(chance.of(0.3) ? 4_000 : chance.int(0, 200));
  } else if (kind === 4) {
    machine?.restart();
  } else if (kind === 5) {
    const runId = chance.pick([...ledger.accepted].slice(-LATELY));
    await plane.call("POST", `/runs/${runId ?? "run_none"}/cancel`).then((response) => response.text());
  } else if (kind === 6) {
    await trigger(world, true);
  } else {
    machine?.sendStale();
  }
}

/** A wait that is longer than this test is cut short. */
async function hurryBackOffs({ plane }: World): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, { storage: { sql } }) => {
    const soon = Date.now() + 100;
    sql.exec("UPDATE runs SET not_before = ?1 WHERE state = 'queued' AND gate = 'time' AND not_before > ?1", soon);
  });
}

/** No more faults: what is left of the work, empty when it is done in time. */
async function heal(world: World): Promise<string> {
  const { plane, machines } = world;
  for (const machine of machines) {
    machine.calm = true;
  }
  const until = Date.now() + HEAL_WITHIN_MS;
  for (;;) {
    await hurryBackOffs(world);
    const left = await runInDurableObject(plane.dispatcherStub, (_, { storage: { sql } }) => {
      const open = sql.exec("SELECT id, state, queue_reason, message FROM runs WHERE finished_at IS NULL").toArray();
      const outbox = sql.exec("SELECT count(*) AS rows FROM outbox").one()["rows"];
      return open.length === 0 && outbox === 0 ? "" : JSON.stringify({ open: open.slice(0, 5), outbox });
    });
    if (left === "" || Date.now() > until) {
      return left;
    }
    await runDurableObjectAlarm(plane.dispatcherStub);
    await after(100);
  }
}

describe("real workerd keeps I1 to I8, I10, I11, I14, I16, I17, L1 and L2", { timeout: 2 * HEAL_WITHIN_MS }, () => {
  for (const seed of SEEDS) {
    test(`under evictions, alarms, restarts, cancels and stale frames, seed ${seed}`, async ({ expect }) => {
      const plane = await makePlane();
      const chance = new Chance(seed);
      const ledger = new Ledger();
      const eventId = await createEvent(plane, { concurrency: LIMIT, scriptRetries: 1 });
      const machines: Machine[] = [];
      for (let i = 0; i < MACHINES; i += 1) {
        machines.push(new Machine(await registerFake(plane), 4, new Chance(seed * 1_000 + i), ledger));
      }
      const world: World = { plane, chance, ledger, machines, eventId, keys: [] };
      try {
        while (world.keys.length < RUNS) {
          await trigger(world, false);
          for (let i = chance.int(0, 2); i > 0; i -= 1) {
            await fault(world);
          }
          if (chance.of(0.4)) {
            await check(world);
          }
          await hurryBackOffs(world);
        }
        const left = await heal(world);
        expect(left, `L1 and L2, seed ${seed}`).toBe("");
        await check(world);
      } finally {
        await Promise.all(machines.map((machine) => machine.stop()));
      }
      expect(ledger.broken, `seed ${seed}`).toEqual([]);
      expect(ledger.problems, `seed ${seed}`).toEqual([]);
      expect(ledger.checks).toBeGreaterThan(10);
      expect(ledger.stale).toBeGreaterThan(0);
      await inD1(expect, world);
    });
  }
});

/** I14 at quiescence, and every run ended with a word for it. */
async function inD1(expect: ExpectStatic, { plane, ledger }: World): Promise<void> {
  const { DB } = env as unknown as { DB: D1Database };
  const { results } = await DB.prepare("SELECT id, state, rev FROM runs WHERE workspace_id = ? ORDER BY id")
    .bind(plane.workspaceId)
    .all<{ id: string; state: string; rev: number }>();
  const rows = await runInDurableObject(plane.dispatcherStub, (_, { storage: { sql } }) =>
    sql.exec("SELECT id, state, rev FROM runs ORDER BY id").toArray(),
  );
  expect(results, "I14").toEqual(rows);
  expect(new Set(results.map(({ id }) => id)), "I1").toEqual(ledger.accepted);
  expect(results.filter(({ state }) => !isTerminal(state as never))).toEqual([]);
}
