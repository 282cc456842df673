/** Faults that schedules have to outlive, each with the outcome that the guarantees promise. */
import { describe, test } from "vitest";
import { makePlane } from "../engine/plane.ts";
import { createEvent } from "../engine/queue-story.ts";
import { readSchedule } from "../../src/objects/dispatcher/schedules/rows.ts";
import { pauseSchedule } from "../../src/objects/dispatcher/schedules/changes.ts";
import { checkUp } from "../../src/objects/dispatcher/alarm.ts";
import { afterStart } from "../../src/objects/dispatcher/start.ts";
import { by, inVirtualTime, START, type VirtualTime } from "./virtual-time.ts";

const at = (clock: string): string => `2030-01-01T${clock}:00Z`;

/** One row for each minute, and one run for each row that says so. */
function isExact(world: VirtualTime, scheduleId: string, minutes: number): boolean {
  const rows = world.ledger(scheduleId);
  const runIds = rows.filter((one) => one.decision === "run").map((one) => one.runId);
  return (
    rows.length === minutes &&
    rows.every((one, i) => Date.parse(one.nominalAt) === Date.parse(START) + (i + 1) * 60_000) &&
    new Set(runIds).size === runIds.length &&
    world.runs() === rows.filter((one) => one.runId !== null).length
  );
}

describe("F13: an alarm that throws ten times", () => {
  test("is set again each time, and no time is lost silently", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow", catchUp: { mode: "all", max: 100 } });
      const { storage } = world.shell.ctx;
      const real = storage.transactionSync.bind(storage);
      let failures = 0;
      Object.defineProperty(storage, "transactionSync", {
        configurable: true,
        value: <T>(work: () => T): T => {
          if (failures < 40) {
            failures += 1;
            throw new Error("disk I/O error");
          }
          return real(work);
        },
      });
      for (let alarms = 0; alarms < 10; alarms += 1) {
        world.jump(new Date(Date.parse(at("10:01")) + alarms * 1_000).toISOString());
        world.alarm();
        expect(world.shell.alarmAt).not.toBeNull();
      }
      expect(failures).toBe(40);
      world.pass(at("10:05"));
      Reflect.deleteProperty(storage, "transactionSync");
      expect(isExact(world, id, 5)).toBe(true);
    });
  });

  test("the watchdog sets an alarm that was given up", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow", catchUp: { mode: "all", max: 100 } });
      world.jump(at("10:06"));
      // Nobody called the alarm of 10:01, and nobody will.
      checkUp(world.shell);
      expect(world.shell.alarmAt).toBeLessThanOrEqual(Date.parse(at("10:06")) + 10);
      world.pass("2030-01-01T10:06:01Z");
      expect(isExact(world, id, 6)).toBe(true);
    });
  });

  test("one schedule that cannot be decided holds up no other", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const bad = world.schedule({});
      const good = world.schedule({});
      world.shell.sql.exec(
        "UPDATE schedules SET definition = json_set(definition, '$.timezone', 'Mars/Phobos') WHERE id = ?",
        bad.id,
      );
      world.pass("2030-01-01T10:01:05Z");
      expect(world.told(good.id)).toEqual(["10:01 run due"]);
      expect(readSchedule(world.shell, bad.id)?.nextFire).toBeGreaterThan(Date.parse(at("10:01")));
      world.shell.sql.exec(
        "UPDATE schedules SET definition = json_set(definition, '$.timezone', 'UTC') WHERE id = ?",
        bad.id,
      );
      world.pass("2030-01-01T10:01:40Z");
      expect(world.told(bad.id)).toEqual(["10:01 run due"]);
    });
  });
});

test("F14: an alarm that is delivered twice makes one run for each time", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  await inVirtualTime(plane, event, (world) => {
    const { id } = world.schedule({ overlap: "allow" });
    for (const clock of ["10:01", "10:02", "10:03"]) {
      world.jump(at(clock));
      world.alarm();
      world.alarm();
    }
    expect(isExact(world, id, 3)).toBe(true);
  });
});

test("F15: after twenty minutes away the policy is exact, and the rest is missed", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  await inVirtualTime(plane, event, (world) => {
    const latest = world.schedule({});
    const all = world.schedule({ catchUp: { mode: "all", max: 5 } });
    const none = world.schedule({ catchUp: { mode: "none" } });
    world.jump("2030-01-01T10:20:45Z");
    world.alarm();
    const ran = (id: string): string[] =>
      world
        .ledger(id)
        .filter((one) => one.decision === "run")
        .map((one) => one.nominalAt.slice(11, 16));
    expect([ran(latest.id), ran(all.id), ran(none.id)]).toEqual([
      ["10:20"],
      ["10:16", "10:17", "10:18", "10:19", "10:20"],
      [],
    ]);
    for (const { id } of [latest, all, none]) {
      expect(world.ledger(id).length).toBe(20);
      expect(world.ledger(id).filter((one) => one.decision === "missed").length).toBe(20 - ran(id).length);
    }
  });
});

test("F15: after four weeks away every time has its row, in commits of bounded size", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  await inVirtualTime(plane, event, (world) => {
    const { id } = world.schedule({ timing: { kind: "cron", pattern: "*/30 * * * *" } });
    world.jump("2030-01-29T10:00:00Z");
    world.pass("2030-01-29T10:00:10Z");
    const rows = world.ledger(id);
    expect(rows.length).toBe(28 * 24 * 2);
    expect(rows.filter((one) => one.decision === "run").map((one) => one.nominalAt)).toEqual([
      "2030-01-29T10:00:00.000Z",
    ]);
  });
});

describe("F19: a server clock that steps", () => {
  test("back by ten seconds fires nothing twice", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow" });
      world.pass("2030-01-01T10:01:05Z");
      world.jump("2030-01-01T10:00:55Z");
      world.alarm();
      world.pass(at("10:02"));
      expect(isExact(world, id, 2)).toBe(true);
    });
  });

  test("forward by ten minutes follows the rule for what was missed, and fires nothing twice when it is set right", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule({ overlap: "allow" });
      world.pass(at("10:01"));
      world.jump(at("10:11"));
      world.alarm();
      world.jump("2030-01-01T10:01:10Z");
      world.alarm();
      world.pass(at("10:12"));
      expect(isExact(world, id, 12)).toBe(true);
      expect(
        world
          .ledger(id)
          .filter((one) => one.decision === "run")
          .map((one) => one.nominalAt.slice(11, 16)),
      ).toEqual(["10:01", "10:11", "10:12"]);
    });
  });
});

test("F37: a time that spring leaves out, and one that autumn shows twice, each fire once", async ({ expect }) => {
  const plane = await makePlane();
  const event = await createEvent(plane);
  await inVirtualTime(plane, event, (world) => {
    // New York's clocks of 2030: forward on 10 March, back on 3 November.
    world.jump("2030-03-09T12:00:00Z");
    const gap = world.schedule({
      timing: { kind: "cron", pattern: "30 2 * * *" },
      timezone: "America/New_York",
      overlap: "allow",
    });
    world.pass("2030-03-11T12:00:00Z");
    expect(world.ledger(gap.id).map((one) => one.nominalAt)).toEqual([
      "2030-03-10T07:00:00.000Z",
      "2030-03-11T06:30:00.000Z",
    ]);
    world.shell.sql.exec("UPDATE schedules SET next_fire = NULL");
    world.jump("2030-11-02T12:00:00Z");
    const twice = world.schedule({
      timing: { kind: "cron", pattern: "30 1 * * *" },
      timezone: "America/New_York",
      overlap: "allow",
    });
    world.pass("2030-11-04T12:00:00Z");
    expect(world.ledger(twice.id).map((one) => one.nominalAt)).toEqual([
      "2030-11-03T05:30:00.000Z",
      "2030-11-04T06:30:00.000Z",
    ]);
  });
});

describe("F37: new time zone data", () => {
  const nightly = { timing: { kind: "cron", pattern: "30 2 * * *" }, timezone: "America/New_York", overlap: "allow" };
  /** As data would have left it that has New York an hour further east. */
  const byOldData = (world: VirtualTime, id: string): void => {
    world.shell.sql.exec(
      "UPDATE schedules SET next_nominal = next_nominal - 3600000, next_fire = next_fire - 3600000 WHERE id = ?",
      id,
    );
    world.shell.sql.exec(
      `INSERT OR REPLACE INTO meta (key, value) VALUES ('zone_marks', '{"America/New_York":"2030 -14400"}')`,
    );
  };

  test("names the next times anew when the Dispatcher starts, and each fires once, at the new instant", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const active = world.schedule(nightly);
      const paused = world.schedule(nightly);
      const elsewhere = world.schedule({ ...nightly, timezone: "Asia/Tokyo" });
      const before = readSchedule(world.shell, elsewhere.id);
      world.turn((turn) =>
        pauseSchedule(world.shell, turn, {
          scheduleId: paused.id,
          pause: { until: "2030-01-03T00:00:00Z", note: "" },
          by,
        }),
      );
      byOldData(world, active.id);
      afterStart(world.shell);
      expect(readSchedule(world.shell, active.id)?.nextFire).toBe(Date.parse("2030-01-02T07:30:00Z"));
      expect(readSchedule(world.shell, paused.id)?.nextFire).toBe(Date.parse("2030-01-03T00:00:00Z"));
      expect(readSchedule(world.shell, elsewhere.id)).toEqual(before);
      world.pass("2030-01-04T12:00:00Z");
      expect(world.ledger(active.id).map((one) => one.nominalAt)).toEqual([
        "2030-01-02T07:30:00.000Z",
        "2030-01-03T07:30:00.000Z",
        "2030-01-04T07:30:00.000Z",
      ]);
      expect(world.ledger(paused.id).filter((one) => one.decision === "run").length).toBe(2);
    });
  });

  test("is looked at once: a start with the same data computes nothing", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const { id } = world.schedule(nightly);
      afterStart(world.shell);
      const wrong = Date.parse("2030-01-02T06:30:00Z");
      world.shell.sql.exec("UPDATE schedules SET next_nominal = ?1, next_fire = ?1 WHERE id = ?2", wrong, id);
      afterStart(world.shell);
      expect(readSchedule(world.shell, id)?.nextFire).toBe(wrong);
    });
  });

  test("that knows a zone no more keeps nobody from starting", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await inVirtualTime(plane, event, (world) => {
      const gone = world.schedule(nightly);
      const good = world.schedule(nightly);
      world.shell.sql.exec(
        "UPDATE schedules SET definition = json_set(definition, '$.timezone', 'Mars/Phobos') WHERE id = ?",
        gone.id,
      );
      byOldData(world, good.id);
      afterStart(world.shell);
      expect(readSchedule(world.shell, good.id)?.nextFire).toBe(Date.parse("2030-01-02T07:30:00Z"));
      expect(readSchedule(world.shell, gone.id)?.nextFire).toBe(Date.parse("2030-01-02T07:30:00Z"));
    });
  });
});
