/** Faults of the object, the fleet, the projection and the clocks, each with the outcome that the guarantees promise. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { AttemptRef, RunSummary } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Deps, type Env } from "../../src/deps.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { drainAll } from "../../src/objects/dispatcher/drain.ts";
import type { Shell } from "../../src/objects/dispatcher/shell.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { inTurn } from "../../src/objects/dispatcher/turns.ts";
import { closeAll, connect, registerFake, success, type Connection } from "./fake-runner.ts";
import { makePlane, outboxIsEmpty, type Plane, waitFor } from "./plane.ts";

afterEach(closeAll);

const testEnv = env as unknown as Env;
const DAY_MS = 86_400_000;
const FLEET = 200;
const none: AttemptRef = { runId: "", attempt: 0 };

/** Works on the object's storage and sockets as its own instance would, in other surroundings. */
function asInstance<T>(plane: Plane, change: Partial<Deps>, work: (shell: Shell) => T | Promise<T>): Promise<T> {
  return runInDurableObject(plane.dispatcherStub, (_, state) =>
    work(openShell(state, { ...makeDeps(testEnv), ...change })),
  );
}

/** The same object with some of its properties replaced. */
function withOther<T extends object>(target: T, other: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (name in other) {
        return other[name as keyof T];
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function listed(plane: Plane): Promise<RunSummary[]> {
  return (await plane.expectJson<{ items: RunSummary[] }>(200, "GET", "/runs?limit=200")).items;
}

describe("F10 an object that is evicted", () => {
  test("between the commit of an offer and its sending burns the offer, and the run goes out again", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { labels: { zone: "a" } });
    const runId = await plane.trigger({ labels: { zone: "a" } });
    const connection = await connect(runner, { notReady: ["docker_down"] });
    await asInstance(plane, {}, (shell) => {
      const { ctx } = shell;
      let committed = false;
      const storage = withOther(ctx.storage, {
        transactionSync: <T>(work: () => T): T => {
          const value = ctx.storage.transactionSync(work);
          committed = true;
          return value;
        },
      });
      const getWebSockets = (tag?: string): WebSocket[] => (committed ? [] : ctx.getWebSockets(tag));
      const cut: Shell = { ...shell, ctx: withOther(ctx, { storage, getWebSockets }) };
      inTurn(cut, (turn) => {
        const known = cut.fleet.get(runner.runnerId);
        if (known !== undefined) {
          cut.fleet.set(runner.runnerId, { ...known, notReady: [] });
        }
        turn.pumpNeeded = true;
      });
      expect(shell.sql.exec("SELECT attempt, state FROM attempts WHERE run_id = ?", runId).toArray()).toEqual([
        { attempt: 1, state: "offered" },
      ]);
    });
    await evictDurableObject(plane.dispatcherStub, { webSockets: "close" });
    await connection.inbox.closed;
    expect(connection.inbox.waiting).toEqual([]);

    const back = await connect(runner, { epoch: connection.epoch });
    const again = await back.job();
    expect(again).toMatchObject({ runId, attempt: 2 });
    back.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
    expect(await back.next("refused")).toMatchObject({ attempt: 1, code: "stale_attempt" });
    await back.accept(again);
    await back.finish(again);
    const done = await plane.run(runId);
    expect(done).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(done.attempts.map(({ state }) => state)).toEqual(["declined", "succeeded"]);
  });
});

describe("F11 an eviction that closes every socket", () => {
  test("costs a fleet of 200 runners no run: each is adopted where it was, once", async ({ expect }) => {
    const plane = await makePlane();
    const before: Connection[] = [];
    const jobs: AttemptRef[] = [];
    for (let i = 0; i < FLEET; i += 1) {
      const labels = { place: String(i) };
      const runner = await registerFake(plane, { name: `fleet-${i}`, labels });
      const connection = await connect(runner, { slots: 1 });
      await plane.trigger({ labels });
      jobs.push(await connection.take());
      connection.silence();
      before.push(connection);
      // A busy machine may need longer for so many handshakes than the short lease of the tests.
      await asInstance(plane, {}, ({ sql }) => sql.exec("UPDATE attempts SET deadline_at = ?", Date.now() + DAY_MS));
    }
    expect(new Set(jobs.map((job) => job.runId)).size).toBe(FLEET);

    await evictDurableObject(plane.dispatcherStub, { webSockets: "close" });
    await Promise.all(before.map((connection) => connection.inbox.closed));
    const after = await Promise.all(
      before.map(async ({ runner, epoch }, i) => {
        const held = jobs.slice(i, i + 1).map((job) => ({ ...job, state: "running" as const }));
        const back = await connect(runner, { slots: 1, epoch, held });
        expect(back.welcome).toMatchObject({ adopt: jobs.slice(i, i + 1), kill: [] });
        back.silence();
        return back;
      }),
    );
    for (const [i, connection] of after.entries()) {
      await connection.finish(jobs[i] ?? none);
    }

    const states = (await plane.dispatcher.listRunners()).map(({ state }) => state);
    expect(states.filter((state) => state !== "online" && state !== "unreachable")).toEqual([]);
    for (const { runId, attempt } of jobs) {
      expect(await plane.run(runId)).toMatchObject({ state: "succeeded", attempt });
    }
    await outboxIsEmpty(plane);
    const items = await listed(plane);
    expect(items).toHaveLength(FLEET);
    expect(items.filter((run) => run.state !== "succeeded")).toEqual([]);
  });
});

describe("F9 a result that comes after the next attempt has succeeded", () => {
  test("is answered as stale, written down, and changes nothing", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const first = await connect(runner);
    const runId = await plane.trigger();
    await first.accept(await first.job());
    await first.close();
    await plane.until(runId, (run) => run.state === "queued", "the loss");
    const other = await connect(await registerFake(plane));
    const second = await other.job();
    await other.accept(second);
    await other.finish(second, { output: 2 });
    const before = await plane.run(runId);
    expect(before).toMatchObject({ state: "succeeded", attempt: 2, output: 2 });

    const back = await connect(runner, { epoch: first.epoch });
    back.send({ type: "exited", runId, attempt: 1, result: { ...success, output: 1 } });
    expect(await back.next("stale")).toMatchObject({ runId, attempt: 1 });
    back.send({ type: "done", jobs: [{ runId, attempt: 1, logBytes: 0, logState: "complete" }] });
    await back.next("stale");

    expect(await plane.run(runId)).toEqual(before);
  });
});

describe("F28 a runner that drains with two jobs and an offer", () => {
  test("finishes the two; the offer it declines starts elsewhere", async ({ expect }) => {
    const plane = await makePlane();
    const leaving = await connect(await registerFake(plane, { name: "leaving" }), { slots: 3 });
    const two = [await plane.trigger(), await plane.trigger()];
    for (const runId of two) {
      await leaving.accept(await leaving.job());
      leaving.send({ type: "started", runId, attempt: 1 });
    }
    const third = await plane.trigger();
    expect(await leaving.job()).toMatchObject({ runId: third, attempt: 1 });
    leaving.send({ type: "status", notReady: [], draining: true, latencyMs: null });
    leaving.send({ type: "decline", runId: third, attempt: 1, reason: "draining", message: null });
    const staying = await connect(await registerFake(plane, { name: "staying" }));
    const moved = await staying.job();
    expect(moved).toMatchObject({ runId: third, attempt: 2 });
    for (const runId of two) {
      await leaving.finish({ runId, attempt: 1 });
    }
    leaving.send({ type: "bye" });
    expect((await leaving.inbox.closed).code).toBe(1000);
    await staying.accept(moved);
    await staying.finish(moved);
    for (const runId of [...two, third]) {
      expect((await plane.run(runId)).state).toBe("succeeded");
    }
    expect(leaving.inbox.waiting).toEqual([]);
  });
});

describe("F16 a database of lists that fails", () => {
  /** D1 whose batches end as `fault` says. */
  const d1With = (fault: (send: () => Promise<unknown>) => Promise<unknown>): Partial<Deps> => {
    const d1 = testEnv.DB;
    const batch = (statements: D1PreparedStatement[]): Promise<unknown> => fault(() => d1.batch(statements));
    return { d1: withOther(d1, { batch }) };
  };

  test("after it has written, or far too late: a repeat changes nothing, and the list ends up right", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    const job = await connection.job();
    await connection.accept(job);
    await outboxIsEmpty(plane);

    // What is on its way to D1 at the start is the accepted run; its end overtakes it.
    const late = Promise.withResolvers<void>();
    const old = await asInstance(
      plane,
      {},
      (shell) => shell.sql.exec("SELECT rev FROM runs WHERE id = ?", runId).one()["rev"] as number,
    );
    const slow = asInstance(
      plane,
      d1With((send) => late.promise.then(send)),
      async (shell) => {
        shell.sql.exec("INSERT OR REPLACE INTO outbox (kind, id, rev, at) VALUES ('run', ?, ?, 1)", runId, old);
        await Promise.race([drainAll(shell), Promise.resolve()]);
      },
    );
    await slow;
    await connection.finish(job, { output: 7 });
    await outboxIsEmpty(plane);
    late.resolve();
    expect(await listed(plane)).toMatchObject([{ id: runId, state: "succeeded" }]);

    const unknown = d1With(async (send) => {
      await send();
      throw new Error("D1_ERROR: Network connection lost.");
    });
    await asInstance(plane, unknown, async (shell) => {
      shell.sql.exec("INSERT INTO outbox (kind, id, rev, at) SELECT 'run', id, rev, 1 FROM runs WHERE id = ?", runId);
      await drainAll(shell);
      expect(shell.drainFailures).toBe(1);
      expect(shell.sql.exec("SELECT count(*) AS rows FROM outbox").one()["rows"]).toBe(1);
    });
    await outboxIsEmpty(plane);
    expect(await listed(plane)).toMatchObject([{ id: runId, state: "succeeded" }]);
    expect((await plane.run(runId)).output).toBe(7);
  });

  test("while it is away the run's own page is right, and the numbers show how far lists are behind", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const { DB } = testEnv;
    const connection = await connect(await registerFake(plane));
    const shown = await plane.trigger();
    await outboxIsEmpty(plane);
    await DB.prepare("ALTER TABLE run_names RENAME TO run_names_away").run();
    try {
      const job = await connection.job();
      await connection.accept(job);
      await connection.finish(job);
      expect((await plane.run(shown)).state).toBe("succeeded");
      expect(await listed(plane)).toMatchObject([{ id: shown, state: "queued" }]);
      const { outboxRows, outboxOldestAt } = await plane.dispatcher.stats();
      expect(outboxRows).toBeGreaterThan(0);
      expect(outboxOldestAt).not.toBeNull();
    } finally {
      await DB.prepare("ALTER TABLE run_names_away RENAME TO run_names").run();
    }
    await outboxIsEmpty(plane);
    expect(await listed(plane)).toMatchObject([{ id: shown, state: "succeeded" }]);
  });
});

describe("clocks", () => {
  const deadlineOf = (shell: Shell): number =>
    shell.sql.exec("SELECT deadline_at FROM attempts").one()["deadline_at"] as number;

  for (const [what, byMs] of [
    ["10 seconds back", -10_000],
    ["an hour back", -3_600_000],
  ] as const) {
    test(`F19 of the server, set ${what}: no lease is shortened, nothing is lost`, async ({ expect }) => {
      const plane = await makePlane();
      const connection = await connect(await registerFake(plane));
      const runId = await plane.trigger();
      const job = await connection.job();
      await connection.accept(job);
      const clock = { now: () => Date.now() + byMs };
      await asInstance(plane, { clock }, (shell) => {
        const before = deadlineOf(shell);
        onAlarm(shell);
        expect(deadlineOf(shell)).toBeGreaterThanOrEqual(before);
      });
      expect((await plane.run(runId)).state).toBe("starting");
      await connection.finish(job);
      expect((await plane.run(runId)).state).toBe("succeeded");
    });
  }

  test("F19 of the server, set 10 minutes forward at its start: every lease gets a full length first", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const connection = await connect(runner);
    const runId = await plane.trigger();
    const job = await connection.job();
    await connection.accept(job);
    await evictDurableObject(plane.dispatcherStub, { webSockets: "close" });
    await connection.inbox.closed;
    const clock = { now: () => Date.now() + 600_000 };
    await asInstance(plane, { clock }, (shell) => {
      onAlarm(shell);
      expect(deadlineOf(shell)).toBeGreaterThanOrEqual(clock.now() + shell.deps.config.leaseMs - 100);
    });
    const back = await connect(runner, { epoch: connection.epoch, held: [{ runId, attempt: 1, state: "running" }] });
    expect(back.welcome.adopt).toEqual([{ runId, attempt: 1 }]);
    await back.finish(job);
    expect(await plane.run(runId)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("F18 of a runner, a day ahead or behind: what it writes beside its log is shown, and decides nothing", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    const job = await connection.job();
    await connection.accept(job);
    connection.send({ type: "started", runId, attempt: 1 });
    await connection.finish(job, { durationMs: DAY_MS });
    const run = await plane.run(runId);
    expect(run.state).toBe("succeeded");
    // Every time of it is the server's.
    expect(Math.abs(Date.parse(run.finishedAt ?? "") - Date.now())).toBeLessThan(DAY_MS / 2);
    expect(Date.parse(run.finishedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(run.startedAt ?? ""));
  });

  for (const [what, byMs, words] of [
    ["a day ahead", DAY_MS, "24 h ahead of"],
    ["a week behind", -7 * DAY_MS, "7 d behind"],
    ["an hour and a half ahead", 5_400_000, "90 min ahead of"],
  ] as const) {
    test(`F18 of a runner, ${what}: the list warns of it, and work goes on`, async ({ expect }) => {
      const plane = await makePlane();
      const connection = await connect(await registerFake(plane), { clock: () => Date.now() + byMs });
      const [runner] = await plane.dispatcher.listRunners();
      expect(runner).toMatchObject({ state: "online", notReady: [], warnings: [{ code: "clock_skew" }] });
      expect(runner?.warnings[0]?.message).toContain(`is ${words} the control plane's`);
      const runId = await plane.trigger();
      const job = await connection.job();
      await connection.accept(job);
      await connection.finish(job);
      expect((await plane.run(runId)).state).toBe("succeeded");
    });
  }

  test("F18 of a runner, jumping while it is connected: the warning comes and goes with what it says next", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { clock: () => Date.now() + 5_000 });
    const warnings = async (): Promise<number> => (await plane.dispatcher.listRunners())[0]?.warnings.length ?? -1;
    expect(await warnings()).toBe(0);
    const says = (clock: number): void =>
      connection.send({ type: "status", notReady: [], draining: false, latencyMs: null, clock });
    says(Date.now() - DAY_MS);
    await waitFor(async () => ((await warnings()) === 1 ? { ok: true, value: null } : { ok: false, seen: "0" }), "it");
    // One that does not say leaves it as it was.
    connection.send({ type: "status", notReady: [], draining: false, latencyMs: null });
    says(Date.now());
    await waitFor(async () => ((await warnings()) === 0 ? { ok: true, value: null } : { ok: false, seen: "1" }), "it");
  });
});
