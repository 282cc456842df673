/** What jobs ask of the control plane: variables, locks and tool actions, each once and only while the attempt lives. */
import { evictDurableObject } from "cloudflare:test";
import type { AuditEntry, Variable, VariableVersion } from "@cronium/protocol";
import { afterEach, test } from "vitest";
import { answerTo, ask, codeOf, letsGo, resultOf, running, sendCall, startJob } from "./calling.ts";
import { closeAll, connect, newEpoch } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";
import { createEvent } from "./queue-story.ts";

afterEach(closeAll);

test("a job reads, writes and deletes variables, and people see who did it", async ({ expect }) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  const get = () => resultOf(ask(connection, ref, { do: "variable.get", name: "COUNT" }));

  expect(await get()).toMatchObject({ value: null, version: 0 });
  expect(await resultOf(ask(connection, ref, { do: "variable.set", name: "COUNT", value: "1" }))).toMatchObject({
    version: 1,
  });
  expect(await get()).toMatchObject({ value: "1", version: 1 });
  await resultOf(ask(connection, ref, { do: "variable.set", name: "COUNT", value: '"text too"', ifVersion: 1 }));

  const { items } = await plane.expectJson<{ items: Variable[] }>(200, "GET", "/variables");
  expect(items).toMatchObject([{ name: "COUNT", type: "json", value: "text too", version: 2, eventId: null }]);
  const versions = await plane.expectJson<{ items: VariableVersion[] }>(
    200,
    "GET",
    `/variables/${items[0]?.id ?? ""}/versions`,
  );
  expect(versions.items.map(({ by }) => by)).toEqual([ref.runId, ref.runId]);
  const audit = await plane.expectJson<{ items: AuditEntry[] }>(200, "GET", "/audit?verb=variable.");
  expect(audit.items.map(({ verb, actor }) => [verb, actor.kind, actor.id])).toEqual([
    ["variable.changed", "run", ref.runId],
    ["variable.created", "run", ref.runId],
  ]);

  expect((await ask(connection, ref, { do: "variable.delete", name: "COUNT" })).error).toBeUndefined();
  expect((await ask(connection, ref, { do: "variable.delete", name: "COUNT" })).error).toBeUndefined();
  expect(await get()).toMatchObject({ value: null });
});

test("B40 of two writers that saw the same version one is refused, and 0 means that there must be none", async ({
  expect,
}) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  const set = (value: string, ifVersion: number) =>
    codeOf(ask(connection, ref, { do: "variable.set", name: "A", value, ifVersion }));
  const codes = await Promise.all([set("1", 0), set("2", 0), set("3", 0)]);
  expect(codes.toSorted()).toEqual(["none", "version_conflict", "version_conflict"]);
  expect(await set("4", 2)).toBe("version_conflict");
  expect(await codeOf(ask(connection, ref, { do: "variable.delete", name: "A", ifVersion: 2 }))).toBe(
    "version_conflict",
  );
  expect(await set("4", 1)).toBe("none");
});

test("a write goes where the read came from, unless the scope says otherwise", async ({ expect }) => {
  const plane = await makePlane();
  const eventId = await createEvent(plane);
  await plane.expectJson(201, "POST", "/variables", { name: "REGION", value: "own", eventId });
  await plane.expectJson(201, "POST", "/variables", { name: "REGION", value: "common" });
  const { connection, ref } = await running(plane, { eventId });
  const set = (value: string, scope?: "event" | "workspace") =>
    ask(connection, ref, { do: "variable.set", name: "REGION", value, ...(scope === undefined ? {} : { scope }) });
  await resultOf(set('"o2"'));
  expect(await resultOf(set('"c2"', "workspace"))).toMatchObject({ version: 2, cacheMs: 0 });
  const { items } = await plane.expectJson<{ items: Variable[] }>(200, "GET", "/variables");
  expect(items.map(({ eventId: own, value }) => [own, value])).toEqual([
    [null, "c2"],
    [eventId, "o2"],
  ]);
  const listed = await resultOf(ask(connection, ref, { do: "variable.list", prefix: "REG" }));
  expect(listed).toEqual({ items: [{ name: "REGION", version: 2, value: '"o2"' }], next: null });
  const adHoc = await startJob(plane, connection);
  expect(await codeOf(ask(connection, adHoc, { do: "variable.set", name: "X", value: "1", scope: "event" }))).toBe(
    "invalid_value",
  );
});

test("B37 a value that is too large, no JSON, or of another type than was declared is refused", async ({ expect }) => {
  const plane = await makePlane();
  await plane.expectJson(201, "POST", "/variables", { name: "LIMIT", value: 5 });
  const { connection, ref } = await running(plane);
  const set = (name: string, value: string) => codeOf(ask(connection, ref, { do: "variable.set", name, value }));
  expect(await set("A", `"${"v".repeat(65_536)}"`)).toBe("body_too_large");
  expect(await set("A", "{")).toBe("invalid_json");
  expect(await set("A", '{"__proto__":1}')).toBe("forbidden_key");
  expect(await set("A", "[".repeat(65))).toBe("too_deep");
  expect(await set("LIMIT", '"five"')).toBe("invalid_type");
  expect(await set("LIMIT", "6")).toBe("none");
});

test("F32 a call that is repeated after its answer was lost is decided once and answered alike", async ({ expect }) => {
  const plane = await makePlane();
  const { connection, runner, ref } = await running(plane);
  const op = { do: "variable.set", name: "N", value: "1", ifVersion: 0 } as const;
  const first = await resultOf(ask(connection, ref, op, "once"));
  await resultOf(ask(connection, ref, { do: "variable.set", name: "N", value: "2" }));
  await evictDurableObject(plane.dispatcherStub);
  const again = letsGo(await connect(runner, { epoch: connection.epoch, held: [{ ...ref, state: "running" }] }));
  expect(await resultOf(ask(again, ref, op, "once"))).toMatchObject({ version: first["version"] ?? -1, cacheMs: 0 });
  expect(await resultOf(ask(again, ref, { do: "variable.get", name: "N" }))).toMatchObject({ value: "2", version: 2 });
  expect(await codeOf(ask(again, ref, { ...op, value: "7" }, "once"))).toBe("idempotency_mismatch");
  const lock = { do: "lock.take", name: "l", ttlMs: 30_000 } as const;
  const taken = await resultOf(ask(again, ref, lock, "lock"));
  expect(await resultOf(ask(again, ref, lock, "lock"))).toEqual(taken);
});

test("T6 I17 nobody but the holder of the live attempt changes anything, and the stale one is told to stop", async ({
  expect,
}) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  const stranger = await running(plane);
  const op = { do: "variable.set", name: "A", value: "1" } as const;
  expect(await codeOf(ask(stranger.connection, ref, op))).toBe("not_lease_holder");
  expect(await stranger.connection.next("stale")).toMatchObject(ref);
  expect(await codeOf(ask(connection, { ...ref, attempt: 2 }, op))).toBe("stale_attempt");
  expect(await codeOf(ask(connection, { ...ref, runId: "run_00000000000000000000000000" }, op))).toBe("stale_attempt");
  await connection.finish(ref);
  expect(await codeOf(ask(connection, ref, op))).toMatch(/stale_attempt|attempt_not_active/);
  expect((await plane.expectJson<{ items: Variable[] }>(200, "GET", "/variables")).items).toEqual([]);
});

test("F2 I17 a process that was replaced asks in vain", async ({ expect }) => {
  const plane = await makePlane();
  const { connection, runner, ref } = await running(plane);
  const newer = await connect(runner, { epoch: newEpoch(), held: [{ ...ref, state: "running" }] });
  connection.send({ type: "call", id: 1, ...ref, key: "k", op: { do: "variable.set", name: "A", value: "1" } });
  await connection.inbox.closed;
  expect(await resultOf(ask(newer, ref, { do: "variable.get", name: "A" }))).toMatchObject({ value: null });
});

test("a lock has one holder, ends with its time or its attempt, and its fence rises", async ({ expect }) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  const other = await startJob(plane, connection);
  const take = (who: typeof ref, ttlMs = 60_000) =>
    ask(connection, who, { do: "lock.take", name: "db/migrate", ttlMs });
  const mine = await resultOf(take(ref));
  const refused = await take(other);
  expect(refused.error).toMatchObject({ code: "locked", retryAfterMs: expect.any(Number) as number });
  const lockId = mine["lockId"] as string;
  const renew = (who: typeof ref, ttlMs: number) =>
    ask(connection, who, { do: "lock.renew", name: "db/migrate", lockId, ttlMs });
  expect(await codeOf(renew(other, 60_000))).toBe("lock_lost");
  expect(await resultOf(renew(ref, 60_000))).toEqual({ ...mine, ttlMs: 60_000 });
  await resultOf(ask(connection, other, { do: "lock.free", name: "db/migrate", lockId }));
  expect(await codeOf(take(other))).toBe("locked");

  await connection.finish(ref);
  const next = await resultOf(take(other));
  expect(Number(next["fence"])).toBeGreaterThan(Number(mine["fence"]));
  const free = { do: "lock.free", name: "db/migrate", lockId: next["lockId"] as string } as const;
  await resultOf(ask(connection, other, free));
  expect(await codeOf(take(other, 1_000))).toBe("none");
  const third = await startJob(plane, connection);
  for (let code = "locked"; code === "locked";) {
    code = await codeOf(take(third));
    expect(["locked", "none"]).toContain(code);
  }
});

test("a tool action does its work, and one that is not registered names those that are", async ({ expect }) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  expect(await resultOf(ask(connection, ref, { do: "action", action: "echo", params: '{"a":1}' }))).toEqual({
    result: '{"a":1}',
  });
  const { error } = await ask(connection, ref, { do: "action", action: "rm -rf", params: "null" });
  expect(error).toMatchObject({ code: "unknown_action", message: expect.stringContaining("echo") as string });
});

test("a write waits until every reader has let go of the old value, and no longer", async ({ expect }) => {
  const plane = await makePlane();
  const made = await plane.expectJson<Variable>(201, "POST", "/variables", { name: "X", value: 1, type: "json" });
  const reader = await running(plane, { clings: true });
  const writer = await running(plane, { clings: true });
  const read = await resultOf(ask(reader.connection, reader.ref, { do: "variable.get", name: "X" }));
  expect(read["cacheMs"]).toBeGreaterThan(0);

  const writing = sendCall(writer.connection, writer.ref, { do: "variable.set", name: "X", value: "2" });
  const { id, names } = await reader.connection.next("uncache");
  expect([names, id > Number(read["after"])]).toEqual([["X"], true]);
  // While the write waits, the old value is still the newest, and nobody may keep it.
  expect(await resultOf(ask(reader.connection, reader.ref, { do: "variable.get", name: "X" }))).toMatchObject({
    value: "1",
    cacheMs: 0,
  });
  expect(writer.connection.inbox.waiting.filter((text) => String(text).includes('"answer"'))).toEqual([]);
  reader.connection.send({ type: "uncached", id });
  expect(await resultOf(answerTo(writer.connection, writing))).toMatchObject({ version: 2 });

  await resultOf(ask(reader.connection, reader.ref, { do: "variable.get", name: "X" }));
  const put = plane.expectJson<Variable>(200, "PUT", `/variables/${made.id}`, { value: 3 });
  // Whoever wrote it last may use it again as well.
  for (const { connection } of [reader, writer]) {
    connection.send({ type: "uncached", id: (await connection.next("uncache")).id });
  }
  expect((await put).version).toBe(3);
});

test("F4 a reader that says nothing holds a write up no longer than it may use the value", async ({ expect }) => {
  const plane = await makePlane();
  await plane.expectJson(201, "POST", "/variables", { name: "X", value: 1, type: "json" });
  const reader = await running(plane, { clings: true });
  const writer = await running(plane);
  await resultOf(ask(reader.connection, reader.ref, { do: "variable.get", name: "X" }));
  await reader.connection.close();
  await evictDurableObject(plane.dispatcherStub);
  const held = [{ ...writer.ref, state: "running" }] as const;
  const again = letsGo(await connect(writer.runner, { epoch: writer.connection.epoch, held }));
  const id = sendCall(again, writer.ref, { do: "variable.set", name: "X", value: "2" });
  const answer = await again.next("answer", (message) => message.id === id).catch(() => answerTo(again, id));
  expect(answer.result).toMatchObject({ version: 2 });
});
