import type { Schedule } from "@cronium/protocol/schedule";
import { describe, test } from "vitest";
import { type Calendar, calendarOf, dayAfter, daysOf, dayTotal, monthAfter } from "./calendar.ts";

const base: Schedule = {
  id: "sch_1",
  eventId: "evt_1",
  eventName: "backup",
  version: 1,
  name: "nightly",
  timing: { kind: "cron", pattern: "30 2 * * *" },
  timezone: "Europe/Berlin",
  startAt: null,
  endAt: null,
  jitterMs: 0,
  overlap: "skip",
  catchUp: { mode: "latest", max: 10, windowMs: 3_600_000 },
  blackouts: [],
  input: null,
  pauseAfterFailures: null,
  state: "active",
  pause: null,
  failuresInRow: 0,
  nextAt: "2026-11-23T01:30:00.000Z",
  nextDueAt: "2026-11-23T01:30:00.000Z",
  createdAt: "2026-11-21T02:00:00.000Z",
  updatedAt: "2026-11-21T02:00:00.000Z",
};

const week = { from: Date.parse("2026-11-23T00:00Z"), until: Date.parse("2026-11-30T00:00Z"), zone: "UTC" };

function of(schedules: readonly Schedule[], ask = week): Promise<Calendar> {
  return calendarOf({ ...ask, schedules }, () => Promise.resolve());
}

const counts = ({ hours }: Calendar): Record<string, number> =>
  Object.fromEntries([...hours].map(([hour, { count }]) => [hour, count]));

describe("the calendar", () => {
  test("counts each schedule at the hour of whoever looks, but for its blackouts", async ({ expect }) => {
    const blackouts = [{ from: "2026-11-25", until: "2026-11-28", note: "" }];
    expect(counts(await of([{ ...base, blackouts }]))).toEqual({
      "2026-11-23T01": 1,
      "2026-11-24T01": 1,
      "2026-11-29T01": 1,
    });
  });

  test("counts intervals from their next time on, and paused schedules from the end of their pause", async ({
    expect,
  }) => {
    const every = { ...base, timing: { kind: "interval", everyMs: 86_400_000 } } as const;
    const pause = { reason: "until", message: "", since: base.createdAt, until: "2026-11-26T00:00:00.000Z" } as const;
    expect(Object.keys(counts(await of([every])))).toHaveLength(7);
    expect(Object.keys(counts(await of([{ ...every, state: "paused", pause }])))).toEqual([
      "2026-11-26T01",
      "2026-11-27T01",
      "2026-11-28T01",
      "2026-11-29T01",
    ]);
    const forGood = { ...every, state: "paused", pause: { ...pause, until: null } } as const;
    expect(counts(await of([forGood, { ...every, state: "ended" }]))).toEqual({});
  });

  test("tells how many schedules share the fullest minute of an hour, and lists what fires", async ({ expect }) => {
    const calendar = await of([
      base,
      { ...base, id: "sch_2" },
      { ...base, id: "sch_3", timing: { kind: "cron", pattern: "*/10 * * * * *" } },
      { ...base, id: "sch_4", timing: { kind: "once", at: "2026-11-23T01:31:00.000Z" } },
    ]);
    const hour = calendar.hours.get("2026-11-23T01");
    expect(hour).toMatchObject({ count: 363, most: 3 });
    expect(hour?.fires).toHaveLength(200);
    expect(dayTotal(calendar, "2026-11-23")).toMatchObject({ count: 5_003, most: 3 });
    expect(calendar.cut.map(({ id }) => id)).toEqual(["sch_3"]);
  });

  test("shows seven days, or the whole weeks of a month", ({ expect }) => {
    expect(daysOf("week", "2026-12-28").at(-1)).toBe("2027-01-03");
    expect([daysOf("month", "2026-11-21")[0], daysOf("month", "2026-11-21").at(-1)]).toEqual([
      "2026-10-26",
      "2026-12-06",
    ]);
    expect(daysOf("month", "2027-02-10")).toHaveLength(28);
    expect(daysOf("month", "2026-12-10")).toHaveLength(35);
    expect(monthAfter("2026-12-31", 1)).toBe("2027-01-01");
    expect(monthAfter("2026-01-31", -1)).toBe("2025-12-01");
    expect(dayAfter("2026-03-01", -1)).toBe("2026-02-28");
  });
});
