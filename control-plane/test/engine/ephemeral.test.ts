/** Runners that take one job and leave for good. */
import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { ServerMessage } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { registerRunner } from "../../src/objects/dispatcher/runners.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { inTurn } from "../../src/objects/dispatcher/turns.ts";
import { closeAll, connect, dial, makeHello, newEpoch, platform, registerFake } from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

afterEach(closeAll);

const testEnv = env as unknown as Env;

async function listed(plane: Plane): Promise<string[]> {
  const page = await plane.expectJson<{ items: { name: string }[] }>(200, "GET", "/runners");
  return page.items.map(({ name }) => name);
}

/** Not in the list, refused at the door, and not in D1's list either. */
async function isGone(plane: Plane, runnerId: string): Promise<boolean> {
  await waitFor(async () => {
    const names = await listed(plane);
    const credential = await testEnv.DB.prepare("SELECT revoked_at FROM runner_credentials WHERE runner_id = ?")
      .bind(runnerId)
      .first<{ revoked_at: number | null }>();
    const rows = await testEnv.DB.prepare("SELECT id FROM runners WHERE id = ?").bind(runnerId).all();
    const seen = JSON.stringify({ names, credential, rows: rows.results });
    return names.length === 0 && typeof credential?.revoked_at === "number" && rows.results.length === 0
      ? { ok: true, value: null }
      : { ok: false, seen };
  }, "the runner to be gone");
  return (await dial(runnerId)).status === 403;
}

describe("an ephemeral runner", () => {
  test("is given one job, and is gone for good when it says bye", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "brief", ephemeral: true });
    const connection = await connect(runner, { slots: 2 });
    const [one, other] = [await plane.trigger(), await plane.trigger()];
    const first = await connection.job();
    expect(first.runId).toBe(one);
    await connection.accept(first);
    // The offer that came with the first has been made; it is given back, and none follows.
    connection.send({ type: "decline", runId: other, attempt: 1, reason: "draining", message: null });
    await connection.finish(first);
    const waits = await plane.until(other, (run) => run.queueReason === "runner_not_ready", "waiting");
    expect(waits.attempts.every(({ state }) => state === "declined")).toBe(true);
    connection.send({ type: "bye" });
    expect((await connection.inbox.closed).code).toBe(1000);
    expect(await isGone(plane, runner.runnerId)).toBe(true);
    expect(await plane.run(one)).toMatchObject({ state: "succeeded", runnerName: "brief" });
    expect(await plane.run(other)).toMatchObject({ state: "queued", queueReason: "no_matching_runner" });
  });

  test("is offered nothing more, also after the control plane has slept", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { ephemeral: true });
    const first = await connect(runner);
    const one = await plane.trigger();
    await first.accept(await first.job());
    await evictDurableObject(plane.dispatcherStub);
    const again = await connect(runner, {
      epoch: first.epoch,
      slots: 2,
      held: [{ runId: one, attempt: 1, state: "running" }],
    });
    expect(again.welcome.adopt).toEqual([{ runId: one, attempt: 1 }]);
    const other = await plane.trigger();
    expect(await plane.run(other)).toMatchObject({ state: "queued", queueReason: "runner_not_ready", attempts: [] });
    await again.finish({ runId: one, attempt: 1 });
    expect(await plane.run(other)).toMatchObject({ state: "queued", attempts: [] });
  });

  test("that is back with its job behind it is closed instead of waiting for another", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { ephemeral: true });
    const first = await connect(runner);
    await plane.trigger();
    const job = await first.job();
    await first.accept(job);
    await first.finish(job);
    const inbox = openInbox(await dial(runner.runnerId));
    const { nonce } = await inbox.text<Extract<ServerMessage, { type: "challenge" }>>("challenge");
    inbox.socket.send(JSON.stringify(await makeHello(runner, nonce, newEpoch())));
    expect((await inbox.closed).code).toBe(4403);
    expect(await isGone(plane, runner.runnerId)).toBe(true);
  });

  test("that vanishes with its job leaves no ghost, and its run goes on as with any lost runner", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "brief", ephemeral: true });
    const connection = await connect(runner);
    const runId = await plane.trigger({ onLost: "wait" });
    await connection.accept(await connection.job());
    connection.send({ type: "started", runId, attempt: 1 });
    await plane.until(runId, (run) => run.state === "running", "running");
    await connection.close();
    expect(await isGone(plane, runner.runnerId)).toBe(true);
    // Nothing will come back, so it does not wait for that.
    expect(await plane.run(runId)).toMatchObject({
      state: "failed",
      failReason: "runner_lost",
      attempts: [{ state: "lost" }],
    });
  });

  test("that never connects is gone after a lease", async ({ expect }) => {
    const plane = await makePlane();
    const { runnerId } = await registerFake(plane, { ephemeral: true });
    expect(await isGone(plane, runnerId)).toBe(true);
  });

  test("gets the whole time again when the control plane itself was away, and is forgotten in the end", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const stays = await registerFake(plane, { name: "stays" });
    await runInDurableObject(plane.dispatcherStub, async (_, state) => {
      const time = { now: Date.now() + 3_600_000 };
      const shell = openShell(state, { ...makeDeps(testEnv), clock: { now: () => time.now } });
      const names = (): string[] =>
        [...shell.fleet.values()].map(({ name, revokedAt }) => `${name} ${revokedAt === null}`);
      const brief = { runnerId: "rnr_brief", name: "brief", labels: {}, version: "0.1.0", platform, ephemeral: true };
      inTurn(shell, (turn) => registerRunner(shell, turn, brief));
      time.now += 1_200_000;
      onAlarm(shell);
      expect(names().toSorted()).toEqual(["brief true", "stays true"]);
      time.now += shell.deps.config.leaseMs;
      onAlarm(shell);
      expect(names().toSorted()).toEqual(["brief false", "stays true"]);
      await state.storage.sync();
      state.storage.sql.exec("DELETE FROM outbox");
      time.now += shell.deps.config.keepFinishedMs + 600_000;
      onAlarm(shell);
      expect(names()).toEqual(["stays true"]);
    });
    await evictDurableObject(plane.dispatcherStub);
    expect((await plane.dispatcher.listRunners()).map(({ id }) => id)).toEqual([stays.runnerId]);
  });
});

describe("a runner that takes itself out", () => {
  test("is revoked by its own word: its key is refused, its jobs are lost, its name is free", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "leaver" });
    const connection = await connect(runner, { slots: 1 });
    const run = await plane.trigger({ onLost: "fail" });
    await connection.accept(await connection.job());
    connection.send({ type: "bye", leave: true });

    expect((await connection.inbox.closed).code).toBe(4403);
    await plane.until(run, ({ state, failReason }) => state === "failed" && failReason === "runner_lost", "lost");
    await waitFor(async () => {
      const { status } = await dial(runner.runnerId);
      return status === 403 ? { ok: true, value: null } : { ok: false, seen: String(status) };
    }, "its key to be refused");
    expect(await listed(plane)).toEqual(["leaver"]);
    expect((await registerFake(plane, { name: "leaver" })).runnerId).not.toBe(runner.runnerId);
  });
});
