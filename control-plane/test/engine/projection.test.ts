import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { Event, EventSummary, Run, RunSummary, WorkspaceLiveMessage } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

afterEach(closeAll);

interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

async function drained(plane: Plane): Promise<void> {
  await waitFor(async () => {
    const { outboxRows } = await plane.dispatcher.check();
    return outboxRows === 0 ? { ok: true, value: null } : { ok: false, seen: `${outboxRows} rows` };
  }, "an empty outbox");
}

async function finishedRun(plane: Plane, output: unknown = null): Promise<string> {
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger({ input: { a: [1, "€"] } });
  await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  await connection.finish({ runId, attempt: 1 }, { output: output as never });
  await connection.close();
  return runId;
}

/** As when the run ended long ago: the first alarm of a fresh instance clears it away. */
async function clearAway(plane: Plane, runId: string): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec("UPDATE runs SET finished_at = 1 WHERE id = ?", runId);
  });
  await evictDurableObject(plane.dispatcherStub);
  await runDurableObjectAlarm(plane.dispatcherStub);
}

describe("I14 the projection", () => {
  test("equals the Dispatcher when all is quiet", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await finishedRun(plane, { big: [1, 2, 3] });
    await plane.trigger();
    await drained(plane);
    const { items } = await plane.expectJson<Page<RunSummary>>(200, "GET", "/runs");
    expect(items).toHaveLength(2);
    for (const item of items) {
      expect(await plane.run(item.id)).toMatchObject(item);
    }
    const live = await plane.run(runId);
    await clearAway(plane, runId);
    expect(await plane.dispatcher.getRun(runId)).toBeNull();
    expect(await plane.run(runId)).toEqual(live);
    expect((await plane.call("POST", `/runs/${runId}/cancel`)).status).toBe(409);
  });

  test("keeps what is too large for a row as a blob", async ({ expect }) => {
    const plane = await makePlane();
    const output = "€".repeat(300_000);
    const runId = await finishedRun(plane, output);
    await drained(plane);
    await clearAway(plane, runId);
    expect(await plane.dispatcher.getRun(runId)).toBeNull();
    expect(await plane.run(runId)).toMatchObject({ output, input: { a: [1, "€"] } });
  });

  test("F16 is never set back by an older state", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await finishedRun(plane);
    await drained(plane);
    const { DB } = env as unknown as { DB: D1Database };
    await DB.prepare("UPDATE runs SET rev = 1000, state = 'failed' WHERE id = ?").bind(runId).run();
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      storage.sql.exec("INSERT INTO outbox (kind, id, rev, at) VALUES ('run', ?, 1, 1)", runId);
    });
    await runDurableObjectAlarm(plane.dispatcherStub);
    await drained(plane);
    const row = await DB.prepare("SELECT rev, state FROM runs WHERE id = ?").bind(runId).first();
    expect(row).toEqual({ rev: 1_000, state: "failed" });
  });

  test("F16 catches up after D1 failed, and nothing else notices", async ({ expect }) => {
    const plane = await makePlane();
    const { DB } = env as unknown as { DB: D1Database };
    await DB.prepare("ALTER TABLE runs RENAME TO runs_away").run();
    const runId = await finishedRun(plane);
    expect((await plane.run(runId)).state).toBe("succeeded");
    await waitFor(async () => {
      const { outboxRows } = await plane.dispatcher.check();
      return outboxRows > 0 ? { ok: true, value: null } : { ok: false, seen: "empty" };
    }, "a waiting outbox");
    await DB.prepare("ALTER TABLE runs_away RENAME TO runs").run();
    await drained(plane);
    const { items } = await plane.expectJson<Page<RunSummary>>(200, "GET", "/runs");
    expect(items).toMatchObject([{ id: runId, state: "succeeded" }]);
  });

  test("F16 leaves no run behind when there are more than it reads at once", async ({ expect }) => {
    const plane = await makePlane();
    const { DB } = env as unknown as { DB: D1Database };
    await DB.prepare("ALTER TABLE runs RENAME TO runs_away").run();
    const ids: string[] = [];
    for (let i = 0; i < 11; i += 1) {
      ids.push(await finishedRun(plane, String(i).padEnd(900_000, "x")));
    }
    await DB.prepare("ALTER TABLE runs_away RENAME TO runs").run();
    await drained(plane);
    const { results } = await DB.prepare("SELECT id, state FROM runs WHERE state = 'succeeded'").all();
    expect(results.map((row) => row["id"])).toEqual(expect.arrayContaining(ids));
  });
});

describe("lists", () => {
  test("page without repeating or skipping, and filter by state and event", async ({ expect }) => {
    const plane = await makePlane();
    const event = await plane.expectJson<Event>(201, "POST", "/events", { name: "x", runtime: "bash", script: "true" });
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      ids.unshift(await plane.trigger());
    }
    const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/events/${event.id}/runs`, {});
    await plane.expectJson(202, "POST", `/runs/${ids[4]}/cancel`);
    await drained(plane);
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: Page<RunSummary> = await plane.expectJson(200, "GET", `/runs?limit=2${query}`);
      seen.push(...page.items.map((item) => item.id));
      cursor = page.nextCursor;
    }
    expect(new Set(seen)).toEqual(new Set([runId, ...ids]));
    expect(seen).toHaveLength(6);
    const byState = await plane.expectJson<Page<RunSummary>>(200, "GET", "/runs?state=cancelled");
    expect(byState.items.map((item) => item.id)).toEqual([ids[4]]);
    const byEvent = await plane.expectJson<Page<RunSummary>>(200, "GET", `/runs?eventId=${event.id}&state=queued`);
    expect(byEvent.items.map((item) => item.id)).toEqual([runId]);
    const events = await plane.expectJson<Page<EventSummary>>(200, "GET", "/events");
    expect(events.items).toMatchObject([
      { id: event.id, recentRuns: [{ id: runId, state: "queued", durationMs: null }] },
    ]);
  });

  test("B39 forged cursors, limits and filters are refused", async ({ expect }) => {
    const plane = await makePlane();
    for (const [query, code] of [
      ["cursor=x", "invalid_cursor"],
      ["cursor=WzEsMl0", "invalid_cursor"],
      ["limit=0", "invalid_limit"],
      ["limit=-1", "invalid_limit"],
      ["limit=1000000000", "invalid_limit"],
    ] as const) {
      const response = await plane.call("GET", `/runs?${query}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code });
    }
    expect((await plane.call("GET", "/runs?state=done")).status).toBe(422);
    expect((await plane.expectJson<Page<unknown>>(200, "GET", "/runs?eventId=' OR 1=1 --")).items).toEqual([]);
  });
});

describe("events", () => {
  test("B40 each save makes a version, and a save based on an old one is refused", async ({ expect }) => {
    const plane = await makePlane();
    const body = { name: "x", runtime: "bash", script: "echo 1", env: { A: "1" } };
    const { id } = await plane.expectJson<Event>(201, "POST", "/events", body);
    const saved = await plane.expectJson<Event>(200, "PATCH", `/events/${id}`, { version: 1, script: "echo 2" });
    expect(saved).toMatchObject({ version: 2, script: "echo 2", env: { A: "1" }, name: "x" });
    const stale = await plane.call("PATCH", `/events/${id}`, { version: 1, name: "y" });
    expect(stale.status).toBe(412);
    expect(await stale.json()).toMatchObject({ code: "version_conflict" });
    const versions = await plane.expectJson<Page<Event>>(200, "GET", `/events/${id}/versions`);
    expect(versions.items.map((event) => [event.version, event.script])).toEqual([
      [2, "echo 2"],
      [1, "echo 1"],
    ]);
    expect(await plane.expectJson<Event>(200, "GET", `/events/${id}`)).toEqual(saved);
  });

  test("a run keeps the version it was triggered with", async ({ expect }) => {
    const plane = await makePlane();
    const body = { name: "x", runtime: "bash", script: "echo 1" };
    const { id } = await plane.expectJson<Event>(201, "POST", "/events", body);
    const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/events/${id}/runs`);
    await plane.expectJson(200, "PATCH", `/events/${id}`, { version: 1, script: "echo 2" });
    const connection = await connect(await registerFake(plane));
    expect(await connection.job()).toMatchObject({ runId, eventVersion: 1, definition: { script: "echo 1" } });
  });

  test("B8 of other workspaces are not found, malformed ids are refused", async ({ expect }) => {
    const [plane, stranger] = [await makePlane(), await makePlane()];
    const body = { name: "x", runtime: "bash", script: "true" };
    const { id } = await plane.expectJson<Event>(201, "POST", "/events", body);
    const runId = await plane.trigger();
    await drained(plane);
    const requests: [string, string, unknown?][] = [
      ["GET", `/events/${id}`],
      ["GET", `/events/${id}/versions`],
      ["PATCH", `/events/${id}`, { version: 1 }],
      ["POST", `/events/${id}/runs`, {}],
      ["GET", `/runs/${runId}`],
      ["GET", `/runs/${runId}/logs`],
    ];
    for (const [method, path, content] of requests) {
      const response = await stranger.call(method, path, content);
      expect(response.status, `${method} ${path}`).toBe(404);
      const malformed = path.replace(/(evt|run)_[0-9a-z]+/, "%2e%2e%2fx");
      expect((await plane.call(method, malformed, content)).status, malformed).toBe(400);
    }
  });

  test("an input beyond its limit is refused with the limit", async ({ expect }) => {
    const plane = await makePlane();
    const response = await plane.call("POST", "/runs", {
      runtime: "bash",
      script: "true",
      input: "x".repeat(1_048_577),
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: "body_too_large", errors: [{ pointer: "/input" }] });
  });
});

describe("the workspace's live socket", () => {
  test("tells of runs and runners as they change", async ({ expect }) => {
    const plane = await makePlane();
    const inbox = openInbox(await plane.call("GET", "/live", undefined, { upgrade: "websocket" }));
    const connection = await connect(await registerFake(plane, { name: "shed" }));
    type Message<T extends WorkspaceLiveMessage["type"]> = Extract<WorkspaceLiveMessage, { type: T }>;
    const online = await inbox.text<Message<"runner">>("runner", ({ runner }) => runner.state === "online");
    const runId = await plane.trigger();
    await connection.accept(await connection.job());
    await inbox.text<Message<"run">>("run", ({ run }) => run.id === runId && run.state === "starting");
    const used = await inbox.text<Message<"runner">>("runner", ({ runner }) => runner.slotsUsed === 1);
    expect(used.runner.rev).toBeGreaterThan(online.runner.rev);
    await connection.close();
    await inbox.text<Message<"runner">>("runner", ({ runner }) => runner.state === "offline");
    inbox.socket.close(1000, "enough");
    expect((await inbox.closed).code).toBe(1000);
  });

  test("needs a socket", async ({ expect }) => {
    const plane = await makePlane();
    expect((await plane.call("GET", "/live")).status).toBe(422);
  });
});

test("a run's page shows every attempt and what it was asked to do", async ({ expect }) => {
  const plane = await makePlane();
  const runId = await finishedRun(plane);
  const run: Run = await plane.run(runId);
  expect(run).toMatchObject({
    input: { a: [1, "€"] },
    timeoutMs: 3_600_000,
    memoryMb: 512,
    labels: {},
    trigger: "api",
    eventId: null,
    eventName: "Ad-hoc script",
    queueReason: null,
    notBefore: null,
  });
  expect(run.attempts[0]?.startedAt).not.toBeNull();
});

test("B40 If-Match guards a change as its version does, and an answer names the version as its ETag", async ({
  expect,
}) => {
  const plane = await makePlane();
  const created = await plane.expectJson<Event>(201, "POST", "/events", { name: "x", runtime: "bash", script: "true" });
  const path = `/events/${created.id}`;
  expect((await plane.call("GET", path)).headers.get("etag")).toBe('"1"');
  const change = (body: object, match: string): Promise<Response> =>
    plane.call("PATCH", path, body, { "if-match": match });
  const first = await change({ version: 1, name: "y" }, '"1"');
  expect([first.status, first.headers.get("etag")]).toEqual([200, '"2"']);
  for (const [body, match, status] of [
    [{ version: 2, name: "z" }, '"1"', 412],
    [{ version: 1, name: "z" }, '"1"', 412],
    [{ version: 2, name: "z" }, "2", 422],
    [{ version: 2, name: "z" }, '"two"', 422],
  ] as const) {
    expect((await change(body, match)).status, match).toBe(status);
  }
  expect(await plane.expectJson<Event>(200, "GET", path)).toMatchObject({ version: 2, name: "y" });
  const secret = await plane.expectJson<{ id: string }>(201, "POST", "/secrets", { name: "KEY", value: "some value" });
  const replace = (match: string): Promise<Response> =>
    plane.call("PUT", `/secrets/${secret.id}`, { value: "another value" }, { "if-match": match });
  expect([(await replace('"1"')).status, (await replace('"1"')).status]).toEqual([200, 412]);
});
