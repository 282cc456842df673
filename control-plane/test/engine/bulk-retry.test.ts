import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { BulkFilter, Run } from "@cronium/protocol";
import { makeId, shardOf } from "@cronium/protocol/ids";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Deps, type Env } from "../../src/deps.ts";
import { startBulk as startHere } from "../../src/objects/dispatcher/bulk.ts";
import { walkRetries } from "../../src/objects/dispatcher/bulk-retry.ts";
import type { Shell } from "../../src/objects/dispatcher/shell.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { inTurn } from "../../src/objects/dispatcher/turns.ts";
import { cancelledRuns, listAll, preview, readBulk, startBulk, waitForEnd, waitForSomeDone } from "./bulk-story.ts";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane, outboxIsEmpty } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

const testEnv = env as unknown as Env;

/** The inputs of runs that repeat others, with how often each was repeated: every one once, or it throws. */
async function repeatedInputs(plane: Plane, stub: DurableObjectStub): Promise<number[]> {
  await outboxIsEmpty(plane);
  return runInDurableObject(stub, (_, { storage }) => {
    const rows = storage.sql
      .exec("SELECT retry_of, input FROM runs JOIN payloads ON run_id = id WHERE retry_of IS NOT NULL")
      .toArray();
    if (new Set(rows.map((row) => row["retry_of"])).size !== rows.length) {
      throw new Error("a run was repeated twice");
    }
    return rows.map((row) => Number(row["input"])).toSorted((a, b) => a - b);
  });
}

/** Begins the work in the object itself, with these surroundings for its first step, which may fail. */
async function startInside(
  plane: Plane,
  deps: Deps,
  filter: BulkFilter,
  look: (shell: Shell) => void = () => undefined,
): Promise<string> {
  const bulkId = makeId("bulk", Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  const by = { actor: { kind: "user", id: "usr_x" }, ip: null, requestId: "" } as const;
  await runInDurableObject(plane.dispatcherStub, async (_, state) => {
    const shell = openShell(state, deps);
    const command = { bulkId, causeKey: null, bodyHash: "", action: "retry", filter, by } as const;
    inTurn(shell, (turn) => startHere(shell, turn, command));
    await walkRetries(shell);
    look(shell);
  });
  return bulkId;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("a bulk retry", () => {
  test("makes a new run for each that ended and did not succeed, as it was counted", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const eventId = await createEvent(plane, { script: "echo 1", priority: 3 });
    const [good, bad] = [await trigger(plane, eventId, { input: 1 }), await trigger(plane, eventId, { input: 2 })];
    for (const outcome of ["succeeded", "failed"] as const) {
      const job = await connection.job();
      await connection.accept(job);
      const failure = { outcome, failReason: "exit_code", exitCode: 3 } as const;
      await connection.finish(job, outcome === "failed" ? failure : {});
    }
    const waiting = await trigger(plane, eventId, { input: 3 });
    const busy = await connection.job();
    await connection.accept(busy);
    await plane.expectJson(200, "PATCH", `/events/${eventId}`, { version: 1, script: "echo 2" });
    await plane.trigger();
    await outboxIsEmpty(plane);
    expect(await preview(plane, "retry", { eventId })).toEqual({ matched: 1, exact: true });
    expect(await preview(plane, "retry", { eventId, state: ["succeeded", "running"] })).toMatchObject({ matched: 1 });
    expect(await preview(plane, "retry", { eventId, state: ["running", "queued"] })).toMatchObject({ matched: 0 });
    const ended = await waitForEnd(plane, await startBulk(plane, "retry", { eventId }));
    expect(ended).toMatchObject({ action: "retry", state: "finished", matched: 1, done: 1, failed: 0, reasons: [] });
    await outboxIsEmpty(plane);
    const runs = await listAll(plane, eventId);
    expect(runs).toHaveLength(4);
    const known = new Set([good, bad, waiting]);
    const again = await plane.run(runs.find(({ id }) => !known.has(id))?.id ?? "");
    expect(again).toMatchObject({ retryOf: bad, input: 2, eventVersion: 1, priority: 3, trigger: "api" });
    expect(again?.origin).toEqual({ type: "api_key", keyId: expect.any(String) });
    expect((await plane.run(bad)).state).toBe("failed");
    await waitForEnd(plane, await startBulk(plane, "retry", { eventId, state: ["succeeded"] }));
    await outboxIsEmpty(plane);
    const all = await Promise.all((await listAll(plane, eventId)).map(({ id }) => plane.run(id)));
    expect(all.flatMap(({ retryOf }) => retryOf ?? []).toSorted()).toEqual([good, bad].toSorted());
  });

  test("repeats each of 1,000 runs once over evictions, and no run that ends meanwhile", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await cancelledRuns(plane, 1_000);
    expect(await preview(plane, "retry", { eventId })).toEqual({ matched: 1_000, exact: true });
    const bulkId = await startBulk(plane, "retry", { eventId });
    const late = await trigger(plane, eventId, { input: -1 });
    await plane.expectJson(202, "POST", `/runs/${late}/cancel`);
    await waitForSomeDone(plane, bulkId);
    await evictDurableObject(plane.dispatcherStub);
    const { done } = await readBulk(plane, bulkId);
    await waitFor(async () => {
      const now = await readBulk(plane, bulkId);
      return now.done > done || now.state !== "running" ? { ok: true, value: null } : { ok: false, seen: "no more" };
    }, "another chunk");
    await evictDurableObject(plane.dispatcherStub);
    const ended = await waitForEnd(plane, bulkId);
    expect(ended).toMatchObject({ state: "finished", matched: 1_000, done: 1_000, failed: 0 });
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toEqual(upTo(1_000));
    // The new runs wait: they are none of its business.
    expect(await preview(plane, "retry", { eventId })).toEqual({ matched: 1_001, exact: true });
  });

  test("waits for D1 to know what had ended when it began", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane);
    const runId = await trigger(plane, eventId, { input: 7 });
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    const ended = await waitForEnd(plane, await startBulk(plane, "retry", { eventId }));
    expect(ended).toMatchObject({ matched: 1, done: 1 });
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toEqual([7]);
  });

  test("can be stopped, and what was done stays done", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await cancelledRuns(plane, 2_000);
    const bulkId = await startBulk(plane, "retry", { eventId });
    await waitForSomeDone(plane, bulkId);
    const stopped = await plane.expectJson<{ state: string; done: number }>(200, "POST", `/bulk/${bulkId}/cancel`);
    expect(stopped.state).toBe("stopped");
    expect(stopped.done).toBeLessThan(2_000);
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toHaveLength(stopped.done);
    expect(await readBulk(plane, bulkId)).toEqual(stopped);
  });

  test("B38 the same key starts the same work once, and a key of another request is refused", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await cancelledRuns(plane, 3);
    const key = { "idempotency-key": "again" };
    const bulkId = await startBulk(plane, "retry", { eventId }, key);
    expect(await startBulk(plane, "retry", { eventId }, key)).toBe(bulkId);
    await plane.expectJson(422, "POST", "/bulk", { action: "cancel", filter: { eventId } }, key);
    await waitForEnd(plane, bulkId);
    expect(await startBulk(plane, "retry", { eventId }, key)).toBe(bulkId);
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toEqual([0, 1, 2]);
  });

  test("a run that a quota refuses counts as failed with its reason, and the rest goes on", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await cancelledRuns(plane, 5);
    await plane.expectJson(200, "PATCH", "/settings", { queueLimit: 2 });
    const ended = await waitForEnd(plane, await startBulk(plane, "retry", { eventId }));
    expect(ended).toMatchObject({ state: "finished", matched: 5, done: 2, failed: 3 });
    expect(ended.reasons).toMatchObject([{ code: "quota_exceeded", count: 3 }]);
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toHaveLength(2);
  });

  test("a run whose script is not kept any more is refused by name, and the others are repeated", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const [gone, kept] = [await plane.trigger({ labels: { a: "b" } }), await plane.trigger({ labels: { a: "b" } })];
    await waitForEnd(plane, await startBulk(plane, "cancel", { label: ["a=b"] }));
    await outboxIsEmpty(plane);
    // As an hour after its end, and with an input that was lost in D1.
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      storage.sql.exec("DELETE FROM payloads WHERE run_id = ?", gone);
      storage.sql.exec("DELETE FROM runs WHERE id = ?", gone);
    });
    const ended = await waitForEnd(plane, await startBulk(plane, "retry", { label: ["a=b"] }));
    expect(ended).toMatchObject({ matched: 2, done: 1, failed: 1 });
    expect(ended.reasons).toMatchObject([{ code: "not_found", example: /not kept any more/ }]);
    expect(kept).not.toBe(gone);
  });

  test("waits out a D1 that does not answer, and then does everything once", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await cancelledRuns(plane, 3);
    const deps = makeDeps(testEnv);
    const mute = {
      prepare: () => {
        throw new Error("D1 is gone");
      },
    } as unknown as D1Database;
    const bulkId = await startInside(plane, { ...deps, d1: mute }, { eventId }, ({ retries }) => {
      expect(retries).toMatchObject({ busy: false, failures: 1 });
      expect(retries.dueAt).toBeGreaterThan(Date.now());
    });
    expect(await waitForEnd(plane, bulkId)).toMatchObject({ state: "finished", matched: 3, done: 3, failed: 0 });
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toEqual([0, 1, 2]);
  });

  test("takes large inputs, which lie in blobs, as they were given", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane);
    const input = { text: "x".repeat(400_000) };
    const runId = await trigger(plane, eventId, { input });
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    const bulkId = await startBulk(plane, "retry", { eventId });
    expect(await waitForEnd(plane, bulkId)).toMatchObject({ matched: 1, done: 1 });
    await outboxIsEmpty(plane);
    const again = (await listAll(plane, eventId)).find(({ id }) => id !== runId);
    expect(await plane.run(again?.id ?? "")).toMatchObject({ retryOf: runId, input });
  });

  test("of another workspace is unknown, and its filter finds nothing of others", async ({ expect }) => {
    const [plane, other] = [await makePlane(), await makePlane()];
    const eventId = await cancelledRuns(plane, 2);
    const bulkId = await startBulk(plane, "retry", { eventId });
    await other.expectJson(404, "GET", `/bulk/${bulkId}`);
    await other.expectJson(404, "POST", `/bulk/${bulkId}/cancel`);
    expect(await preview(other, "retry", { eventId })).toEqual({ matched: 0, exact: true });
    expect(await waitForEnd(other, await startBulk(other, "retry", { eventId }))).toMatchObject({ matched: 0 });
    expect(await waitForEnd(plane, bulkId)).toMatchObject({ matched: 2, done: 2, state: "finished" });
  });
});

describe("a bulk retry over a shard", () => {
  const intoShard = (plane: Plane, own: boolean): Promise<unknown> =>
    plane.expectJson(200, "POST", "/queues/hot/shard", { own });

  test("repeats runs of all Dispatchers, each where its queue is now", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane, { queue: "hot" });
    const atHome = await trigger(plane, eventId, { input: 0 });
    await plane.expectJson(202, "POST", `/runs/${atHome}/cancel`);
    await intoShard(plane, true);
    const inShard = await trigger(plane, eventId, { input: 1 });
    expect(shardOf(inShard)).toBe(1);
    const script = await plane.trigger({ labels: { keep: "yes" } });
    const away = await plane.expectJson<{ runId: string }>(202, "POST", "/runs", {
      runtime: "bash",
      script: "echo away",
      queue: "hot",
      labels: { keep: "yes" },
    });
    for (const runId of [inShard, script, away.runId]) {
      await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    }
    expect(await waitForEnd(plane, await startBulk(plane, "retry", { state: ["cancelled"] }))).toMatchObject({
      matched: 4,
      done: 4,
      failed: 0,
    });
    const made = async (stub: DurableObjectStub): Promise<string[]> =>
      runInDurableObject(stub, (_, { storage }) =>
        storage.sql
          .exec("SELECT retry_of FROM runs WHERE retry_of IS NOT NULL")
          .toArray()
          .map((row) => row["retry_of"] as string)
          .toSorted(),
      );
    expect(await made(plane.dispatcherStub)).toEqual([script]);
    expect(await made(plane.shardStub(1))).toEqual([atHome, inShard, away.runId].toSorted());
  });

  test("repeats a page once whose answers from the shard were lost", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await cancelledRuns(plane, 250, { queue: "hot" });
    await intoShard(plane, true);
    await outboxIsEmpty(plane);
    const deps = makeDeps(testEnv);
    let lost = 0;
    const deaf: Deps = {
      ...deps,
      dispatcherFor: (workspaceId, shard = 0) => {
        const real = deps.dispatcherFor(workspaceId, shard);
        return new Proxy(real, {
          get: (target, name) =>
            name === "enqueuePlaced" && shard === 1
              ? async (batch: Parameters<typeof real.enqueuePlaced>[0]) => {
                  await real.enqueuePlaced(batch);
                  lost += 1;
                  throw new Error("the line broke before the answer");
                }
              : Reflect.get(target, name, target),
        });
      },
    };
    const bulkId = await startInside(plane, deaf, { eventId });
    expect(lost).toBe(1);
    await evictDurableObject(plane.dispatcherStub);
    const ended = await waitForEnd(plane, bulkId);
    expect(ended).toMatchObject({ state: "finished", matched: 250, done: 250, failed: 0 });
    expect(await repeatedInputs(plane, plane.shardStub(1))).toEqual(upTo(250));
    expect(await repeatedInputs(plane, plane.dispatcherStub)).toEqual([]);
    const runs = await listAll(plane, eventId, "&state=queued");
    const one = await plane.expectJson<Run>(200, "GET", `/runs/${runs[0]?.id ?? ""}`);
    expect(one).toMatchObject({ trigger: "manual", queue: "hot" });
  });
});
