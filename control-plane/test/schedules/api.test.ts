import { runInDurableObject } from "cloudflare:test";
import type { AuditEntry, Occurrence, Problem, Run, Schedule, SchedulePreview, WhyAnswer } from "@cronium/protocol";
import { describe, test } from "vitest";
import { makePlane, waitFor, type Plane } from "../engine/plane.ts";
import { connect, registerFake } from "../engine/fake-runner.ts";
import { createEvent } from "../engine/queue-story.ts";

const daily = { kind: "cron", pattern: "0 3 * * *" };

async function create(plane: Plane, fields: object): Promise<Schedule> {
  return plane.expectJson<Schedule>(201, "POST", "/schedules", { timing: daily, ...fields });
}

describe("/schedules", () => {
  test("creates, reads, lists, changes and deletes, with a version that guards", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane, { name: "nightly" });
    const made = await create(plane, { eventId, timezone: "Europe/Berlin" });
    expect(made).toMatchObject({
      name: "0 3 * * *",
      eventName: "nightly",
      state: "active",
      overlap: "skip",
      catchUp: { mode: "latest", windowMs: 3_600_000, max: 10 },
      version: 1,
      pause: null,
    });
    const read = await plane.call("GET", `/schedules/${made.id}`);
    expect([read.headers.get("etag"), await read.json()]).toEqual(['"1"', made]);
    const other = await create(plane, { eventId: await createEvent(plane), enabled: false });
    expect(other).toMatchObject({ state: "paused", nextAt: null });
    const list = async (query: string): Promise<string[]> =>
      (await plane.expectJson<{ items: Schedule[] }>(200, "GET", `/schedules${query}`)).items.map((one) => one.id);
    expect(await list("")).toEqual([made.id, other.id]);
    expect(await list(`?eventId=${eventId}`)).toEqual([made.id]);
    const first = await plane.expectJson<{ nextCursor: string }>(200, "GET", "/schedules?limit=1");
    expect(await list(`?limit=1&cursor=${first.nextCursor}`)).toEqual([other.id]);

    const changed = await plane.expectJson<Schedule>(
      200,
      "PATCH",
      `/schedules/${made.id}`,
      { name: "Nightly" },
      { "if-match": '"1"' },
    );
    expect(changed).toMatchObject({ name: "Nightly", version: 2, timing: daily });
    const stale = await plane.expectJson<Problem>(
      412,
      "PATCH",
      `/schedules/${made.id}`,
      { name: "x" },
      { "if-match": '"1"' },
    );
    expect(stale.code).toBe("version_conflict");
    expect((await plane.call("DELETE", `/schedules/${made.id}`, undefined, { "if-match": '"1"' })).status).toBe(412);
    expect((await plane.call("DELETE", `/schedules/${made.id}`)).status).toBe(204);
    expect((await plane.call("GET", `/schedules/${made.id}`)).status).toBe(404);
    expect(await list("")).toEqual([other.id]);
  });

  test("is one schedule however often its creation is repeated", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane);
    const key = { "idempotency-key": "once" };
    const [one, two] = [
      await plane.expectJson<Schedule>(201, "POST", "/schedules", { eventId, timing: daily }, key),
      await plane.expectJson<Schedule>(201, "POST", "/schedules", { eventId, timing: daily }, key),
    ];
    expect(two).toEqual(one);
    expect((await plane.expectJson<{ items: unknown[] }>(200, "GET", "/schedules")).items.length).toBe(1);
  });

  test.for([
    ["B10", { timing: { kind: "cron", pattern: "61 * * * *" } }, "invalid_cron", "/timing/pattern"],
    ["B10", { timing: { kind: "cron", pattern: "1,".repeat(5_000) } }, "invalid_cron", "/timing/pattern"],
    ["B11", { timing: { kind: "cron", pattern: "0 0 30 2 *" } }, "cron_never_fires", "/timing/pattern"],
    ["B12", { timing: { kind: "cron", pattern: "* * * * * *" } }, "too_frequent", "/timing/pattern"],
    ["B12", { timing: { kind: "interval", everyMs: 1_000 } }, "out_of_range", "/timing/everyMs"],
    ["B13", { timing: daily, timezone: "" }, "invalid_timezone", "/timezone"],
    ["B13", { timing: daily, timezone: "+02:00" }, "invalid_timezone", "/timezone"],
    ["B5", { timing: daily, role: "owner" }, "unknown_field", "/role"],
    ["B7", { timing: daily, jitterMs: "5" }, "invalid_type", "/jitterMs"],
    ["B7", { timing: daily, startAt: "tomorrow" }, "invalid_value", "/startAt"],
    ["B7", { timing: { kind: "moon" } }, "invalid_type", "/timing/kind"],
  ] as const)("%s: refuses %j", async ([, fields, code, pointer], { expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane);
    const problem = await plane.expectJson<Problem>(422, "POST", "/schedules", { eventId, ...fields });
    expect(problem.errors[0]).toMatchObject({ code, pointer });
    expect(problem.detail.length).toBeLessThan(500);
  });

  test("refuses an event that there is not, and answers 404 for schedules of others", async ({ expect }) => {
    const [plane, stranger] = [await makePlane(), await makePlane()];
    const eventId = await createEvent(plane);
    const { id } = await create(plane, { eventId });
    await stranger.expectJson(404, "POST", "/schedules", { eventId, timing: daily });
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["PATCH", "", { name: "mine" }],
      ["DELETE", "", undefined],
      ["POST", "/pause", {}],
      ["POST", "/resume", {}],
      ["GET", "/occurrences", undefined],
      ["GET", "/lateness", undefined],
      ["GET", "/why?at=2026-01-01T00:00:00Z", undefined],
      ["POST", "/backfill", { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }],
    ] as const) {
      const answer = await stranger.call(method, `/schedules/${id}${path}`, body);
      expect([path, method, answer.status]).toEqual([path, method, 404]);
      await answer.body?.cancel();
    }
    expect((await plane.call("GET", `/schedules/${id}`)).status).toBe(200);
  });

  test("writes into the audit who did what", async ({ expect }) => {
    const plane = await makePlane();
    const { id } = await create(plane, { eventId: await createEvent(plane) });
    await plane.expectJson(200, "POST", `/schedules/${id}/pause`, { note: "deploy" });
    await plane.expectJson(200, "POST", `/schedules/${id}/resume`, { catchUp: "latest" });
    await plane.expectJson(200, "PATCH", `/schedules/${id}`, { overlap: "allow" });
    await plane.call("DELETE", `/schedules/${id}`);
    const { items } = await plane.expectJson<{ items: AuditEntry[] }>(200, "GET", `/audit?target=${id}`);
    expect(items.map((entry) => entry.verb)).toEqual([
      "schedule.deleted",
      "schedule.changed",
      "schedule.resumed",
      "schedule.paused",
      "schedule.created",
    ]);
    expect(items[1]).toMatchObject({ before: { overlap: "skip" }, after: { overlap: "allow" } });
  });
});

describe("/schedules/preview", () => {
  test("shows the next times in the schedule's zone, with what changed clocks do", async ({ expect }) => {
    const plane = await makePlane();
    const preview = await plane.expectJson<SchedulePreview>(200, "POST", "/schedules/preview", {
      timing: { kind: "cron", pattern: "30 2 * * *" },
      timezone: "America/New_York",
      after: "2027-03-13T12:00:00Z",
      count: 2,
    });
    expect(preview.sentence).toBe("At 02:30, America/New_York");
    expect(preview.fires.map((fire) => [fire.local, fire.clockChange])).toEqual([
      ["2027-03-14T03:00:00-04:00", "moved"],
      ["2027-03-15T02:30:00-04:00", null],
    ]);
  });

  test("refuses what could not be saved", async ({ expect }) => {
    const plane = await makePlane();
    const body = { timing: { kind: "cron", pattern: "0 0 31 2 *" } };
    expect(await plane.expectJson<Problem>(422, "POST", "/schedules/preview", body)).toMatchObject({
      code: "cron_never_fires",
    });
  });
});

test("a schedule that is due fires by itself, its run says why it exists, and the ledger answers", async ({
  expect,
}) => {
  const plane = await makePlane();
  const eventId = await createEvent(plane, { labels: { gpu: "yes" } });
  const at = new Date(Math.ceil((Date.now() + 3_000) / 1_000) * 1_000).toISOString();
  const { id } = await create(plane, { eventId, timing: { kind: "once", at } });
  const occurrence = await waitFor(async () => {
    const { items } = await plane.expectJson<{ items: Occurrence[] }>(200, "GET", `/schedules/${id}/occurrences`);
    return items[0] === undefined ? { ok: false, seen: "no row" } : { ok: true, value: items[0] };
  }, "the time's row");
  expect(occurrence).toMatchObject({ decision: "run", reason: "due", nominalAt: at, scheduleName: `once at ${at}` });
  const run = await plane.expectJson<Run>(200, "GET", `/runs/${occurrence.runId ?? ""}`);
  const origin = { type: "schedule", scheduleId: id, scheduleName: `once at ${at}`, nominalAt: at, reason: "due" };
  expect(run).toMatchObject({ trigger: "schedule", origin });
  const why = await plane.expectJson<WhyAnswer>(200, "GET", `/schedules/${id}/why?at=${at}`);
  expect(why.verdict).toBe("waiting");
  expect(why.message).toContain("gpu=yes");
  expect(await plane.expectJson(200, "GET", `/schedules/${id}`)).toMatchObject({ state: "ended", nextAt: null });
  const all = await plane.expectJson<{ items: Occurrence[] }>(
    200,
    "GET",
    `/occurrences?eventId=${eventId}&decision=run`,
  );
  expect(all.items).toEqual([occurrence]);
  await plane.expectJson(202, "POST", `/runs/${run.id}/cancel`);
  expect(await plane.expectJson(200, "GET", "/schedules/lateness")).toMatchObject({ queued: { count: 1 } });
});

test("F18: the clock of a runner, a day ahead, changes no time of a schedule and none of its ledger", async ({
  expect,
}) => {
  const plane = await makePlane();
  const eventId = await createEvent(plane);
  const connection = await connect(await registerFake(plane), { clock: () => Date.now() + 86_400_000 });
  const at = new Date(Math.ceil((Date.now() + 3_000) / 1_000) * 1_000);
  const timing = { kind: "interval", everyMs: 3_600_000 };
  const { id } = await create(plane, { eventId, timing, startAt: at.toISOString() });
  const job = await connection.job();
  await connection.accept(job);
  connection.send({ type: "started", runId: job.runId, attempt: 1 });
  await connection.finish(job, { durationMs: 86_400_000 });
  const row = await waitFor(async () => {
    const { items } = await plane.expectJson<{ items: Occurrence[] }>(200, "GET", `/schedules/${id}/occurrences`);
    const [first] = items;
    return first === undefined || first.startLatenessMs === null
      ? { ok: false, seen: JSON.stringify(items) }
      : { ok: true, value: first };
  }, "the end of the run in the ledger");
  expect(row).toMatchObject({ nominalAt: at.toISOString(), decision: "run", reason: "due", runId: job.runId });
  expect([row.latenessMs, row.startLatenessMs].every((ms) => ms !== null && ms >= 0 && ms < 43_200_000)).toBe(true);
  expect(await plane.expectJson(200, "GET", `/schedules/${id}`)).toMatchObject({
    nextAt: new Date(at.getTime() + 3_600_000).toISOString(),
  });
  expect((await plane.call("DELETE", `/schedules/${id}`)).status).toBe(204);
  await connection.close();
});

test("a queue with a shard of its own gets its scheduled runs there, once each", async ({ expect }) => {
  const plane = await makePlane();
  const eventId = await createEvent(plane, { queue: "hot", labels: { gpu: "yes" } });
  await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
  const { id } = await create(plane, { eventId, timing: { kind: "interval", everyMs: 10_000 } });
  const overdue = async (): Promise<void> => {
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      // As if one of its times were a moment ago.
      const at = Date.now() - 1;
      storage.sql.exec("UPDATE schedules SET anchor_at = ?1, cursor = ?1 - 1, next_fire = ?1", at);
    });
    await plane.dispatcher.check();
  };
  const rows = (count: number): Promise<Occurrence[]> =>
    waitFor(async () => {
      const { items } = await plane.expectJson<{ items: Occurrence[] }>(200, "GET", `/schedules/${id}/occurrences`);
      return items.length >= count ? { ok: true, value: items } : { ok: false, seen: JSON.stringify(items) };
    }, `${count} rows`);
  const isQueued = (runId: string): Promise<null> =>
    waitFor(async () => {
      const answer = await plane.call("GET", `/runs/${runId}`);
      const seen = await answer.text();
      return seen.includes('"state":"queued"') ? { ok: true, value: null } : { ok: false, seen };
    }, `the run ${runId} in its shard`);
  await overdue();
  const [first] = await rows(1);
  const runId = first?.runId ?? "";
  expect(runId).toMatch(/^run_1/);
  await isQueued(runId);
  await overdue();
  expect((await rows(2))[0]).toMatchObject({ decision: "skipped", reason: "overlap" });
  await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
  await overdue();
  const third = (await rows(3))[0];
  expect(third).toMatchObject({ decision: "run" });
  await isQueued(third?.runId ?? "");
});
