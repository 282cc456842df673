/** Secrets and variables of runs in a shard: home holds them, the shard hands them on sealed. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { Secret, Variable } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { afterEach, test } from "vitest";
import { closeAll, type Connection } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";
import { sealingRunner } from "./sealing-runner.ts";

afterEach(closeAll);

const VALUE = "s3cr3t-im-Shard-9b2c";

async function withShard(): Promise<Plane> {
  const plane = await makePlane();
  await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
  return plane;
}

const store = (plane: Plane, name: string, value: string, more: object = {}): Promise<Secret> =>
  plane.expectJson(201, "POST", "/secrets", { name, value, ...more });
const set = (plane: Plane, name: string, value: unknown): Promise<Variable> =>
  plane.expectJson(201, "POST", "/variables", { name, value });

async function granted(connection: Connection, runId: string, attempt = 1) {
  connection.send({ type: "accept", jobs: [{ runId, attempt }] });
  const { grants } = await connection.next("granted", (message) =>
    message.grants.some((grant) => grant.runId === runId && grant.attempt === attempt),
  );
  const grant = grants.find((one) => one.runId === runId);
  if (grant === undefined) {
    throw new Error("no grant");
  }
  return grant;
}

/** Every text in the storage of the shard. */
function storedIn(plane: Plane, shard: number): Promise<string> {
  return runInDurableObject(plane.shardStub(shard), (_, { storage }) => {
    const tables = storage.sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray();
    return JSON.stringify(tables.map(({ name }) => storage.sql.exec(`SELECT * FROM "${name as string}"`).toArray()));
  });
}

test("T6 I7 a run in a shard gets its secrets sealed and its variables, and the shard stores nothing in clear", async ({
  expect,
}) => {
  const plane = await withShard();
  const secret = await store(plane, "TOKEN", VALUE);
  const eventId = await createEvent(plane, { queue: "hot", secrets: ["TOKEN"] });
  await store(plane, "TOKEN", `${VALUE}-own`, { eventId });
  await set(plane, "REGION", "eu");
  const { connection, open } = await sealingRunner(plane, {}, 1);
  const runId = await trigger(plane, eventId);
  expect(shardOf(runId)).toBe(1);
  expect(JSON.stringify(await connection.job())).not.toContain(VALUE);
  const grant = await granted(connection, runId);
  expect(open({ runId, attempt: 1 }, grant.secrets ?? "")).toEqual({ TOKEN: `${VALUE}-own` });
  expect(grant.variables).toEqual({ REGION: "eu" });
  expect(await storedIn(plane, 1)).not.toContain(VALUE);
  await connection.finish({ runId, attempt: 1 });
  await plane.until(runId, ({ state }) => state === "succeeded", "the end");
  expect(await plane.expectJson<Secret>(200, "GET", `/secrets/${secret.id}`)).toMatchObject({ version: 1 });
});

test("F7 asked again after either Dispatcher was evicted, the answer is the same", async ({ expect }) => {
  const plane = await withShard();
  await store(plane, "TOKEN", VALUE);
  await set(plane, "REGION", "eu");
  const eventId = await createEvent(plane, { queue: "hot", secrets: ["TOKEN"] });
  const { connection, open } = await sealingRunner(plane, {}, 1);
  const runId = await trigger(plane, eventId);
  await connection.job();
  await evictDurableObject(plane.dispatcherStub);
  const first = await granted(connection, runId);
  expect(open({ runId, attempt: 1 }, first.secrets ?? "")).toEqual({ TOKEN: VALUE });
  // Its sockets sleep on; what it knew in memory is gone.
  await evictDurableObject(plane.shardStub(1));
  const again = await granted(connection, runId);
  expect(again.secrets).toBe(first.secrets);
  expect(again.variables).toEqual({ REGION: "eu" });
});

test("B17 a secret that was deleted ends the run before it starts, in a shard too", async ({ expect }) => {
  const plane = await withShard();
  const secret = await store(plane, "TOKEN", VALUE);
  const eventId = await createEvent(plane, { queue: "hot", secrets: ["TOKEN"] });
  const { connection } = await sealingRunner(plane, {}, 1);
  const runId = await trigger(plane, eventId);
  await connection.job();
  expect((await plane.call("DELETE", `/secrets/${secret.id}?force=true`)).status).toBe(204);
  connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
  expect(await connection.next("refused")).toMatchObject({ runId });
  const run = await plane.until(runId, ({ state }) => state === "failed", "the end");
  expect(run).toMatchObject({ failReason: "secret_not_found", message: expect.stringContaining("TOKEN") });
});

test("a script run once in a shard names secrets that are there, or is refused by name", async ({ expect }) => {
  const plane = await withShard();
  await store(plane, "TOKEN", VALUE);
  const adHoc = { runtime: "bash", script: "true", queue: "hot" };
  const refused = await plane.expectJson<{ code: string }>(422, "POST", "/runs", { ...adHoc, secrets: ["NONE"] });
  expect(refused.code).toBe("secret_not_found");
  const { connection, open } = await sealingRunner(plane, {}, 1);
  const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", "/runs", { ...adHoc, secrets: ["TOKEN"] });
  await connection.job();
  const grant = await granted(connection, runId);
  expect(open({ runId, attempt: 1 }, grant.secrets ?? "")).toEqual({ TOKEN: VALUE });
});

test("the first variable reaches runs in a shard that wait already, and none is asked for while there is none", async ({
  expect,
}) => {
  const plane = await withShard();
  const eventId = await createEvent(plane, { queue: "hot" });
  const { connection } = await sealingRunner(plane, {}, 1);
  const first = await trigger(plane, eventId);
  await connection.job();
  expect((await granted(connection, first)).variables).toBeUndefined();
  await connection.finish({ runId: first, attempt: 1 });
  const { id } = await set(plane, "REGION", "eu");
  const second = await trigger(plane, eventId);
  await connection.job();
  expect((await granted(connection, second)).variables).toEqual({ REGION: "eu" });
  await connection.finish({ runId: second, attempt: 1 });
  expect((await plane.call("DELETE", `/variables/${id}`)).status).toBe(204);
  const third = await trigger(plane, eventId);
  await connection.job();
  expect((await granted(connection, third)).variables).toBeUndefined();
});

test("F7 while home cannot be asked an accept stays undecided, and the run goes out again", async ({ expect }) => {
  const plane = await withShard();
  await store(plane, "TOKEN", VALUE);
  const eventId = await createEvent(plane, { queue: "hot", secrets: ["TOKEN"] });
  const { connection, runner, open } = await sealingRunner(plane, {}, 1);
  const runId = await trigger(plane, eventId);
  await connection.job();
  // Home seals nothing for a runner that is revoked there, which to the shard is as any failure of home.
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec("UPDATE runners SET revoked_at = 1 WHERE id = ?", runner.runnerId);
  });
  await evictDurableObject(plane.dispatcherStub);
  connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
  const waiting = await plane.until(runId, ({ attempt }) => attempt > 1, "another offer");
  expect(waiting.attempts[0]).toMatchObject({ attempt: 1, state: "declined", failReason: null });
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec("UPDATE runners SET revoked_at = NULL WHERE id = ?", runner.runnerId);
  });
  await evictDurableObject(plane.dispatcherStub);
  for (;;) {
    const { runId: offered, attempt } = await connection.job();
    connection.send({ type: "accept", jobs: [{ runId: offered, attempt }] });
    const answer = await connection.inbox.json<{ type: string; grants?: { attempt: number; secrets?: string }[] }>(
      ({ type }) => type === "granted" || type === "refused",
      "an answer",
    );
    const grant = answer.grants?.[0];
    if (grant !== undefined) {
      expect(open({ runId, attempt: grant.attempt }, grant.secrets ?? "")).toEqual({ TOKEN: VALUE });
      return;
    }
  }
});
