/** The ledger: what became of each time, why, how late it was, and what is run of the past. */
import { describe, test } from "vitest";
import type { StartBackfill, WhyAnswer } from "@cronium/protocol";
import { makePlane } from "../engine/plane.ts";
import { createEvent } from "../engine/queue-story.ts";
import { answerWhy, meantBy } from "../../src/domain/schedule/why.ts";
import { readSchedule } from "../../src/objects/dispatcher/schedules/rows.ts";
import { startBackfill, readBackfill } from "../../src/objects/dispatcher/schedules/backfill.ts";
import { pauseSchedule, updateSchedule } from "../../src/objects/dispatcher/schedules/changes.ts";
import { forgetOccurrences, readLateness, whyFacts } from "../../src/objects/dispatcher/schedules/occurrences.ts";
import { readRun } from "../../src/objects/dispatcher/run-rows.ts";
import { viewRun } from "../../src/objects/dispatcher/whole-runs.ts";
import { liveThroughChance } from "./chance-story.ts";
import { by, inVirtualTime, valueOf, type VirtualTime } from "./virtual-time.ts";

const at = (clock: string): string => `2030-01-01T${clock}:00Z`;

function why(world: VirtualTime, scheduleId: string, time: string): WhyAnswer {
  const asked = Date.parse(time);
  const facts = whyFacts(world.shell, { scheduleId, ...meantBy(asked) });
  if (facts === null) {
    throw new Error("no schedule");
  }
  const run = readRun(world.shell, facts.occurrence?.runId ?? "");
  return answerWhy(asked, facts, run === null ? null : viewRun(world.shell, run), world.now());
}

describe("why did it not run?", () => {
  test("has an answer for any time", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { labels: { gpu: "yes" } });
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ timing: { kind: "cron", pattern: "*/5 * * * *" }, overlap: "skip" });
      world.pass(at("10:10"));
      const verdicts = (...times: string[]): string[] => times.map((time) => why(world, id, time).verdict);
      expect(verdicts(at("09:55"), at("10:05"), at("10:07"), at("10:10"), at("10:15"))).toEqual([
        "before_created",
        "waiting",
        "no_nominal_time",
        "skipped",
        "in_the_future",
      ]);
      expect(why(world, id, at("10:05")).message).toContain("gpu=yes");
      expect(why(world, id, at("10:07"))).toMatchObject({
        before: "2030-01-01T10:05:00.000Z",
        after: "2030-01-01T10:10:00.000Z",
        occurrence: null,
      });
      world.end(world.ledger(id)[0]?.runId ?? "", "succeeded");
      expect(why(world, id, at("10:05"))).toMatchObject({ verdict: "ran", occurrence: { decision: "run" } });
      world.turn((turn) =>
        valueOf(pauseSchedule(world.shell, turn, { scheduleId: id, pause: { note: "a deploy" }, by })),
      );
      world.pass(at("10:30"));
      expect(why(world, id, at("10:15"))).toMatchObject({ verdict: "paused" });
      expect(why(world, id, at("10:15")).message).toContain("a deploy");
      world.jump("2030-06-01T10:00:00Z");
      expect(why(world, id, "2030-01-01T09:00:00Z").verdict).toBe("before_created");
    });
  });

  test("says that a time was missed, and by how much, and answers by what the schedule said then", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow" });
      world.jump(at("10:20"));
      world.alarm();
      expect(why(world, id, at("10:02"))).toMatchObject({ verdict: "missed" });
      expect(why(world, id, at("10:02")).message).toContain("18 min after it was due");
      const timing = { kind: "cron", pattern: "0 5 * * *" } as const;
      world.turn((turn) =>
        valueOf(updateSchedule(world.shell, turn, { scheduleId: id, change: { timing }, ifVersion: null, by })),
      );
      // The newest version names no time at 10:03, the one of then did.
      expect(why(world, id, at("10:03")).verdict).toBe("missed");
      expect(why(world, id, at("10:25")).verdict).toBe("no_nominal_time");
    });
  });
});

describe("backfill", () => {
  const ask = (change: Partial<StartBackfill>): StartBackfill => ({
    from: at("09:00"),
    to: at("11:00"),
    onlyMissing: true,
    perMinute: 60,
    dryRun: false,
    ...change,
  });

  test("counts first, then runs what is missing, at its rate, and each time once", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { shell } = world;
      const { id } = world.schedule({ timing: { kind: "cron", pattern: "*/10 * * * *" }, overlap: "allow" });
      world.pass(at("10:20"));
      const start = (backfillId: string, change: Partial<StartBackfill> = {}) =>
        world.turn((turn) => valueOf(startBackfill(shell, turn, { scheduleId: id, backfillId, ask: ask(change), by })));
      expect(start("bkf_0", { dryRun: true })).toEqual({
        id: null,
        matched: 7,
        done: 0,
        state: "counted",
        first: "2030-01-01T09:00:00.000Z",
        last: "2030-01-01T10:00:00.000Z",
      });
      expect(world.runs()).toBe(2);
      start("bkf_1");
      world.pass("2030-01-01T10:20:03Z");
      expect(readBackfill(shell, "bkf_1")).toMatchObject({ state: "running", done: 4 });
      world.pass("2030-01-01T10:20:30Z");
      expect(readBackfill(shell, "bkf_1")).toMatchObject({ state: "finished", done: 7, matched: 7 });
      expect(world.told(id).filter((line) => line.endsWith("backfilled")).length).toBe(7);
      const made = world.ledger(id).find(({ reason }) => reason === "backfilled");
      expect(readRun(shell, made?.runId ?? "")?.origin).toMatchObject({ scheduleId: id, reason: "backfilled" });
      expect(world.runs()).toBe(9);
      expect(start("bkf_2")).toMatchObject({ matched: 0, state: "finished" });
      expect(start("bkf_1")).toMatchObject({ done: 7 });
      world.pass("2030-01-01T10:21:00Z");
      expect(world.runs()).toBe(9);
    });
  });

  test("runs again what has run where that is asked for, and keeps one row for each time", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow" });
      world.pass(at("10:03"));
      const again = ask({ from: at("10:01"), to: at("10:03"), onlyMissing: false, perMinute: 6_000 });
      world.turn((turn) =>
        valueOf(startBackfill(world.shell, turn, { scheduleId: id, backfillId: "bkf_1", ask: again, by })),
      );
      world.pass("2030-01-01T10:03:10Z");
      expect(world.told(id)).toEqual(["10:01 run backfilled", "10:02 run backfilled", "10:03 run due"]);
      expect(world.runs()).toBe(5);
    });
  });

  test("neither pauses a schedule with its failures nor ends a row of failures", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow", pauseAfterFailures: 2 });
      world.pass(at("10:01"));
      const runAt = (clock: string): string =>
        world.ledger(id).find(({ nominalAt }) => nominalAt.slice(11, 16) === clock)?.runId ?? "";
      world.end(runAt("10:01"), "failed");
      const past = ask({ from: at("09:00"), to: at("09:04"), perMinute: 6_000 });
      world.turn((turn) =>
        valueOf(startBackfill(world.shell, turn, { scheduleId: id, backfillId: "bkf_1", ask: past, by })),
      );
      world.pass("2030-01-01T10:01:10Z");
      world.end(runAt("09:00"), "failed");
      world.end(runAt("09:01"), "failed");
      world.end(runAt("09:02"), "succeeded");
      expect(readSchedule(world.shell, id)).toMatchObject({ failures: 1, pause: null });
      world.pass(at("10:02"));
      world.end(runAt("10:02"), "failed");
      expect(readSchedule(world.shell, id)).toMatchObject({ failures: 2, pause: { reason: "failures" } });
    });
  });

  test("refuses more than it could run in reason", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      const much = ask({ from: "2020-01-01T00:00:00Z", dryRun: true });
      const outcome = world.turn((turn) =>
        startBackfill(world.shell, turn, { scheduleId: id, backfillId: "bkf_1", ask: much, by }),
      );
      expect(outcome).toMatchObject({ ok: false, code: "out_of_range" });
    });
  });
});

describe("how late", () => {
  test("is told as percentiles, of being queued and of starting", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      expect(readLateness(world.shell, id).queued).toEqual({ p50: null, p99: null, count: 0 });
      for (const [minute, lateMs] of [
        [1, 0],
        [2, 40],
        [3, 1_500],
      ] as const) {
        world.jump(new Date(Date.parse(at("10:00")) + minute * 60_000 + lateMs).toISOString());
        world.alarm();
        world.jump(new Date(world.now() + 100).toISOString());
        world.end(world.ledger(id).at(-1)?.runId ?? "", "succeeded");
      }
      expect(readLateness(world.shell, id)).toEqual({
        queued: { p50: 40, p99: 1_500, count: 3 },
        started: { p50: 140, p99: 1_600, count: 3 },
      });
      expect(readLateness(world.shell, null)).toEqual(readLateness(world.shell, id));
    });
  });
});

test("rows are forgotten when their time is over, and not before", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  await plane.expectJson(200, "PATCH", "/settings", { occurrenceRetentionDays: 1 });
  await inVirtualTime(plane, event, (world) => {
    const { id } = world.schedule({ timing: { kind: "interval", everyMs: 3_600_000 }, overlap: "allow" });
    world.pass("2030-01-03T10:00:00Z");
    world.turn((turn) => forgetOccurrences(world.shell, turn));
    const rows = world.ledger(id);
    // The newest run may still be under way; those of before may as well, and stay.
    expect(rows.length).toBe(48);
    for (const { runId } of rows) {
      world.end(runId ?? "", "succeeded");
    }
    world.turn((turn) => forgetOccurrences(world.shell, turn));
    expect(world.ledger(id).map((one) => one.nominalAt)).toEqual(rows.slice(-25).map((one) => one.nominalAt));
    const { message, verdict } = why(world, id, "2030-01-01T12:00:00Z");
    expect([verdict, message]).toEqual(["not_kept", expect.stringContaining("2030-01-02T10:00:00")]);
  });
});

test(
  "F15, F37, I13: what chance schedules has one row for each time that the preview shows, and answers by it",
  { timeout: 120_000 },
  async ({ expect }) => {
    expect(await liveThroughChance(1, 6)).toBeGreaterThan(50);
  },
);
