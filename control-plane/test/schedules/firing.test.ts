import { describe, test } from "vitest";
import { makePlane } from "../engine/plane.ts";
import { createEvent } from "../engine/queue-story.ts";
import {
  deleteSchedule,
  pauseSchedule,
  resumeSchedule,
  updateSchedule,
} from "../../src/objects/dispatcher/schedules/changes.ts";
import { readSchedule } from "../../src/objects/dispatcher/schedules/rows.ts";
import { by, inVirtualTime, mustRun, valueOf } from "./virtual-time.ts";

const at = (clock: string): string => `2030-01-01T${clock}:00Z`;

describe("a schedule", () => {
  test("gives each of its times one run and one row, and says what comes next", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { defaultInput: { a: 1 } });
    await inVirtualTime(plane, event, (world) => {
      const { id, nextAt } = world.schedule({ overlap: "allow" });
      expect(nextAt).toBe("2030-01-01T10:01:00.000Z");
      world.pass(at("10:03"));
      expect(world.told(id)).toEqual(["10:01 run due", "10:02 run due", "10:03 run due"]);
      const [first] = world.ledger(id);
      expect(first).toMatchObject({ latenessMs: 0, dueAt: "2030-01-01T10:01:00.000Z" });
      expect(mustRun(world, first?.runId)).toMatchObject({
        trigger: "schedule",
        eventId: event,
        state: "queued",
        origin: { type: "schedule", scheduleId: id, nominalAt: "2030-01-01T10:01:00.000Z", reason: "due" },
      });
      expect(readSchedule(world.shell, id)?.nextFire).toBe(Date.parse(at("10:04")));
      expect(world.shell.alarmAt).toBeLessThanOrEqual(Date.parse(at("10:04")));
    });
  });

  test("hands its own input on, and the event's where it has none", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { defaultInput: { from: "event" } });
    await inVirtualTime(plane, event, (world) => {
      const own = world.schedule({ input: { from: "schedule" } });
      const none = world.schedule({});
      world.pass(at("10:01"));
      const input = (id: string): unknown => {
        const runId = world.ledger(id)[0]?.runId ?? "";
        return JSON.parse(
          world.shell.sql.exec("SELECT input FROM payloads WHERE run_id = ?", runId).one()["input"] as string,
        );
      };
      expect([input(own.id), input(none.id)]).toEqual([{ from: "schedule" }, { from: "event" }]);
    });
  });

  test("several of one event fire each for itself, also at the same moment", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const ids = [
        world.schedule({}).id,
        world.schedule({}).id,
        world.schedule({ timing: { kind: "once", at: at("10:01") } }).id,
      ];
      world.pass(at("10:01"));
      expect(ids.map((id) => world.told(id))).toEqual(ids.map(() => ["10:01 run due"]));
      expect(readSchedule(world.shell, ids[2] ?? "")).toMatchObject({ nextFire: null, nextNominal: null });
    });
  });

  test("1,000 that are due in the same second all fire once", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const ids = Array.from(
        { length: 1_000 },
        () => world.schedule({ timing: { kind: "cron", pattern: "0 * * * *" } }).id,
      );
      world.pass("2030-01-01T11:00:01Z");
      const rows = world.shell.sql.exec("SELECT schedule_id, count(*) AS n FROM occurrences GROUP BY 1").toArray();
      expect(rows.length).toBe(ids.length);
      expect(rows.every((row) => row["n"] === 1)).toBe(true);
      expect(world.runs()).toBe(1_000);
      world.alarm();
      expect(world.runs()).toBe(1_000);
    });
  });
});

describe("overlap", () => {
  test("skip: what comes while a run is under way is skipped, and shows as a run", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      world.pass(at("10:02"));
      expect(world.told(id)).toEqual(["10:01 run due", "10:02 skipped overlap"]);
      const [first, second] = world.ledger(id);
      expect(second?.message).toBe("The run of 2030-01-01T10:01:00.000Z was still going.");
      expect(mustRun(world, second?.runId)).toMatchObject({
        state: "skipped",
        skipReason: "overlap",
        trigger: "schedule",
      });
      world.end(first?.runId ?? "", "succeeded");
      world.pass(at("10:03"));
      expect(world.told(id).at(-1)).toBe("10:03 run due");
    });
  });

  test("queue_one: one waits until the run before it has ended, further ones are skipped", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "queue_one" });
      world.pass(at("10:03"));
      expect(world.told(id)).toEqual(["10:01 run due", "10:02 run waits_for_previous", "10:03 skipped overlap"]);
      expect(world.ledger(id)[1]?.runId).toBeNull();
      world.end(world.ledger(id)[0]?.runId ?? "", "failed");
      const [, second] = world.ledger(id);
      expect(second).toMatchObject({ decision: "run", reason: "due" });
      expect(mustRun(world, second?.runId).state).toBe("queued");
      world.pass(at("10:04"));
      expect(world.told(id).at(-1)).toBe("10:04 run waits_for_previous");
    });
  });

  test("queue_one: times that are made up for together wait together and follow one another", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "queue_one", catchUp: { mode: "all", max: 10 } });
      world.pass(at("10:01"));
      world.jump(at("10:04"));
      world.alarm();
      const started = (): number => world.ledger(id).filter((one) => one.runId !== null).length;
      for (let i = 0; i < 4; i += 1) {
        expect(world.told(id).length).toBe(4);
        expect(started()).toBe(i + 1);
        world.end(world.ledger(id)[i]?.runId ?? "", "succeeded");
      }
    });
  });

  test("queue_one: what waits is skipped when the schedule is deleted", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "queue_one" });
      world.pass(at("10:02"));
      world.turn((turn) => valueOf(deleteSchedule(world.shell, turn, { scheduleId: id, ifVersion: null, by })));
      expect(world.told(id)).toEqual(["10:01 run due", "10:02 skipped overlap"]);
      world.pass(at("10:05"));
      expect(world.told(id).length).toBe(2);
    });
  });

  test("cancel_previous: the one under way is superseded", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "cancel_previous" });
      world.pass(at("10:02"));
      const [first, second] = world.ledger(id);
      expect(mustRun(world, first?.runId)).toMatchObject({ state: "cancelled", cancelReason: "superseded" });
      expect(mustRun(world, second?.runId).state).toBe("queued");
    });
  });

  test("what is made up for together runs together", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ catchUp: { mode: "all", max: 3 } });
      world.jump(at("10:05"));
      world.alarm();
      expect(world.told(id)).toEqual([
        "10:01 missed too_late",
        "10:02 missed too_late",
        "10:03 run caught_up",
        "10:04 run caught_up",
        "10:05 run due",
      ]);
    });
  });
});

describe("pausing", () => {
  test("nothing fires, and what passed is decided as whoever resumes it says", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { shell } = world;
      for (const [catchUp, expected] of [
        ["none", []],
        ["latest", ["10:03"]],
        ["all", ["10:01", "10:02", "10:03"]],
      ] as const) {
        world.jump("2030-01-01T10:00:00Z");
        const { id } = world.schedule({});
        const paused = world.turn((turn) =>
          valueOf(pauseSchedule(shell, turn, { scheduleId: id, pause: { note: "deploy" }, by })),
        );
        expect(paused).toMatchObject({ state: "paused", nextAt: null, pause: { reason: "user", message: "deploy" } });
        world.pass("2030-01-01T10:03:30Z");
        expect(world.told(id)).toEqual([]);
        const active = world.turn((turn) =>
          valueOf(resumeSchedule(shell, turn, { scheduleId: id, resume: { catchUp, max: 10 }, by })),
        );
        expect(active).toMatchObject({ state: "active", nextAt: "2030-01-01T10:04:00.000Z" });
        const ran = world.ledger(id).filter((one) => one.decision === "run");
        expect(ran.map((one) => one.nominalAt.slice(11, 16))).toEqual(expected);
        expect(world.ledger(id).length).toBe(3);
        expect(
          world
            .ledger(id)
            .filter((one) => one.decision === "missed")
            .every((one) => one.reason === "paused"),
        ).toBe(true);
      }
    });
  });

  test("until a time ends by itself, and nothing of it is made up for", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      const pause = { until: "2030-01-01T10:02:30Z", note: "" };
      world.turn((turn) => valueOf(pauseSchedule(world.shell, turn, { scheduleId: id, pause, by })));
      world.pass(at("10:03"));
      expect(world.told(id)).toEqual(["10:01 missed paused", "10:02 missed paused", "10:03 run due"]);
    });
  });

  test("happens by itself after so many failures in a row, and says why", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ pauseAfterFailures: 2 });
      for (const [clock, state] of [
        ["10:01", "failed"],
        ["10:02", "succeeded"],
        ["10:03", "failed"],
        ["10:04", "timed_out"],
      ] as const) {
        world.pass(at(clock));
        world.end(world.ledger(id).at(-1)?.runId ?? "", state);
      }
      expect(readSchedule(world.shell, id)).toMatchObject({
        failures: 2,
        nextFire: null,
        pause: { reason: "failures" },
      });
      world.pass(at("10:10"));
      expect(world.told(id).length).toBe(4);
      world.turn((turn) =>
        valueOf(resumeSchedule(world.shell, turn, { scheduleId: id, resume: { catchUp: "none", max: 1 }, by })),
      );
      expect(readSchedule(world.shell, id)).toMatchObject({ failures: 0, pause: null });
    });
  });
});

describe("a change", () => {
  test("names the next time anew, and no time that was decided fires again", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow" });
      const change = (pattern: string): void => {
        const timing = { kind: "cron", pattern } as const;
        world.turn((turn) =>
          valueOf(updateSchedule(world.shell, turn, { scheduleId: id, change: { timing }, ifVersion: null, by })),
        );
      };
      world.pass(at("10:02"));
      change("*/2 * * * *");
      world.alarm();
      change("* * * * *");
      world.alarm();
      world.pass(at("10:03"));
      expect(world.told(id)).toEqual(["10:01 run due", "10:02 run due", "10:03 run due"]);
      expect(world.runs()).toBe(3);
    });
  });

  test("decides first what is due by what it said before", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      world.jump("2030-01-01T10:01:20Z");
      const timing = { kind: "cron", pattern: "0 0 * * *" } as const;
      world.turn((turn) =>
        valueOf(updateSchedule(world.shell, turn, { scheduleId: id, change: { timing }, ifVersion: 1, by })),
      );
      expect(world.told(id)).toEqual(["10:01 run due"]);
    });
  });

  test("that comes between a time and its share of the jitter loses no time", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id, nextDueAt, nextAt } = world.schedule({
        jitterMs: 3_600_000,
        timing: { kind: "cron", pattern: "0 11 * * *" },
      });
      expect(Date.parse(nextDueAt ?? "")).toBeGreaterThan(Date.parse(nextAt ?? ""));
      world.jump("2030-01-01T11:00:00Z");
      const timing = { kind: "cron", pattern: "0 12 * * *" } as const;
      world.turn((turn) =>
        valueOf(updateSchedule(world.shell, turn, { scheduleId: id, change: { timing }, ifVersion: null, by })),
      );
      expect(world.told(id)).toEqual(["11:00 run due"]);
    });
  });

  test("that is based on an older version is refused", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      const change = (name: string, ifVersion: number): unknown =>
        world.turn((turn) => updateSchedule(world.shell, turn, { scheduleId: id, change: { name }, ifVersion, by }));
      expect(change("one", 1)).toMatchObject({ ok: true, value: { version: 2, name: "one" } });
      expect(change("two", 1)).toMatchObject({ ok: false, code: "version_conflict" });
    });
  });
});

describe("a refused run", () => {
  test("is a missed time that says why", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await plane.expectJson(200, "PATCH", "/settings", { queueLimit: 1 });
    await plane.trigger({ labels: { none: "fits" } });
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({});
      world.pass(at("10:01"));
      expect(world.told(id)).toEqual(["10:01 missed refused"]);
      expect(world.ledger(id)[0]?.message).toContain("queue");
    });
  });
});
