import { runInDurableObject } from "cloudflare:test";
import type { Queue, QueuePage } from "@cronium/protocol";
import type * as z from "zod";
import { afterEach, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

async function queues(plane: Plane): Promise<Queue[]> {
  return (await plane.expectJson<z.infer<typeof QueuePage>>(200, "GET", "/queues")).items;
}

test("a queue shows what waits and runs in it, and for how long", async ({ expect }) => {
  const plane = await makePlane();
  expect(await queues(plane)).toEqual([
    { name: "default", depth: 0, running: 0, oldestQueuedAt: null, paused: null, shard: 0 },
  ]);
  const mail = await createEvent(plane, { queue: "mail" });
  const connection = await connect(await registerFake(plane), { slots: 1 });
  const first = await trigger(plane, mail);
  await connection.accept(await connection.job());
  const second = await trigger(plane, mail);
  await trigger(plane, mail, { priority: 5 });
  await trigger(plane, mail, { delayMs: 3_600_000 });
  expect((await plane.run(second)).queue).toBe("mail");
  expect(await queues(plane)).toEqual([
    { name: "default", depth: 0, running: 0, oldestQueuedAt: null, paused: null, shard: 0 },
    { name: "mail", depth: 3, running: 1, oldestQueuedAt: (await plane.run(second)).queuedAt, paused: null, shard: 0 },
  ]);
  expect((await plane.run(first)).state).toBe("starting");
});

test("a paused queue starts nothing and says why, others go on, and resuming starts its runs", async ({ expect }) => {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane), { slots: 8 });
  const mail = await createEvent(plane, { queue: "mail" });
  const paused = await plane.expectJson<Queue>(200, "POST", "/queues/mail/pause", { note: "Moving to new disks." });
  expect(paused).toMatchObject({ name: "mail", paused: { note: "Moving to new disks." } });
  const runId = await trigger(plane, mail);
  const other = await plane.trigger();
  expect((await connection.job()).runId).toBe(other);
  expect(await plane.run(runId)).toMatchObject({
    state: "queued",
    queueReason: "queue_paused",
    message: "The queue mail is paused; its runs start when somebody resumes it. Note: Moving to new disks.",
  });
  await plane.expectJson(200, "POST", "/queues/mail/pause");
  expect((await plane.run(runId)).message).toBe("The queue mail is paused; its runs start when somebody resumes it.");
  expect(await plane.expectJson(200, "POST", "/queues/mail/resume")).toMatchObject({ paused: null, shard: 0 });
  expect((await connection.job()).runId).toBe(runId);
});

test("what was offered goes on in a paused queue, but its retry waits", async ({ expect }) => {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const event = await createEvent(plane, { scriptRetries: 1 });
  const runId = await trigger(plane, event);
  const job = await connection.job();
  await plane.expectJson(200, "POST", "/queues/default/pause", { note: "" });
  await connection.accept(job);
  await connection.finish(job, { outcome: "failed", exitCode: 1 });
  const waiting = await plane.until(runId, (run) => run.queueReason === "queue_paused", "the end of the back-off");
  expect(waiting).toMatchObject({ state: "queued", attempt: 1 });
});

test("a pause outlives the object's memory", async ({ expect }) => {
  const plane = await makePlane();
  await plane.expectJson(200, "POST", "/queues/default/pause", { note: "still" });
  await runInDurableObject(plane.dispatcherStub, (_, state) => state.abort("gone")).catch(() => undefined);
  const runId = await plane.trigger();
  await connect(await registerFake(plane));
  expect((await plane.run(runId)).message).toContain("Note: still");
});

test("a long line is told its new reason piece by piece", async ({ expect }) => {
  const plane = await makePlane();
  const runId = await plane.trigger();
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    const columns = storage.sql
      .exec("SELECT name FROM pragma_table_info('runs') WHERE name NOT IN ('n', 'id')")
      .toArray()
      .map((row) => row["name"] as string)
      .join(", ");
    storage.sql.exec(
      `WITH RECURSIVE more(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM more WHERE i < 600)
       INSERT INTO runs (id, ${columns}) SELECT 'run_copy' || i, ${columns} FROM runs, more WHERE id = ?`,
      runId,
    );
    storage.sql.exec(
      "INSERT INTO payloads (run_id, input, output, definition) SELECT id, 'null', 'null', '{}' FROM runs WHERE id LIKE 'run_copy%'",
    );
  });
  await plane.expectJson(200, "POST", "/queues/default/pause", { note: "n" });
  await waitFor(async () => {
    const left = await runInDurableObject(
      plane.dispatcherStub,
      (_, { storage }) =>
        storage.sql.exec("SELECT count(*) AS rest FROM runs WHERE queue_reason IS NOT 'queue_paused'").one()[
          "rest"
        ] as number,
    );
    return left === 0 ? { ok: true, value: left } : { ok: false, seen: String(left) };
  }, "the last new reason");
  expect((await queues(plane))[0]?.depth).toBe(601);
});

test("names and notes that are not allowed are refused where they stand", async ({ expect }) => {
  const plane = await makePlane();
  expect(await plane.expectJson(400, "POST", "/queues/Mail!/pause", {})).toMatchObject({ code: "invalid_id" });
  expect(await plane.expectJson(422, "POST", "/queues/mail/pause", { note: "x".repeat(501) })).toMatchObject({
    code: "out_of_range",
    errors: [{ pointer: "/note" }],
  });
  const body = { name: "e", runtime: "bash", script: "true", queue: "no spaces" };
  expect(await plane.expectJson(422, "POST", "/events", body)).toMatchObject({ errors: [{ pointer: "/queue" }] });
});
