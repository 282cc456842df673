import { ScheduleDefinitionInput, type ScheduleDefinition } from "@cronium/protocol";
import { describe, test } from "vitest";
import { planDue, type Backlog, type Plan, type PlanSpec } from "./plan.ts";

const MINUTE = 60_000;
const at = (clock: string): number => Date.parse(`2030-01-01T${clock}Z`);
const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

function spec(change: object = {}, jitterMs = 0): PlanSpec {
  const definition = ScheduleDefinitionInput.parse({
    name: "n",
    timing: { kind: "cron", pattern: "* * * * *" },
    ...change,
  }) as ScheduleDefinition;
  return { definition, anchorAt: at("00:00:00"), jitterMs };
}

function told(plan: Plan): Record<string, string[]> {
  const by = Map.groupBy(plan.ticks, (tick) => tick.verdict);
  return Object.fromEntries([...by].map(([verdict, ticks]) => [verdict, ticks.map((tick) => clock(tick.nominalAt))]));
}

const idle = (cursor: string): { cursor: number; backlog: Backlog | null } => ({ cursor: at(cursor), backlog: null });

describe("what is due on time", () => {
  test("one time runs, and the next one is named", ({ expect }) => {
    const plan = planDue(spec(), idle("10:00:00"), at("10:01:00"), 100);
    expect(told(plan)).toEqual({ run: ["10:01"] });
    expect(plan).toMatchObject({ cursor: at("10:01:00"), more: false, next: { nominalAt: at("10:02:00") } });
  });

  test("nothing is due a moment before", ({ expect }) => {
    const plan = planDue(spec(), idle("10:00:00"), at("10:01:00") - 1, 100);
    expect(plan).toMatchObject({ ticks: [], cursor: at("10:00:00"), next: { dueAt: at("10:01:00") } });
  });

  test("jitter puts the moment off, not the time that is meant", ({ expect }) => {
    const late = spec({ jitterMs: MINUTE }, 20_000);
    expect(planDue(late, idle("10:00:00"), at("10:01:19"), 100).ticks).toEqual([]);
    expect(planDue(late, idle("10:00:00"), at("10:01:20"), 100).ticks).toMatchObject([
      { nominalAt: at("10:01:00"), dueAt: at("10:01:20"), verdict: "run", late: false },
    ]);
  });

  test("an interval counts from its start, or from when it was made", ({ expect }) => {
    const timing = { kind: "interval", everyMs: 90 * MINUTE };
    expect(planDue(spec({ timing }), idle("00:00:00"), at("00:00:00"), 9).next?.nominalAt).toBe(at("01:30:00"));
    const from = spec({ timing, startAt: "2030-01-01T00:20:00Z" });
    expect(planDue(from, idle("00:00:00"), at("00:00:00"), 9).next?.nominalAt).toBe(at("00:20:00"));
    expect(planDue(from, idle("00:20:00"), at("00:20:00"), 9).next?.nominalAt).toBe(at("01:50:00"));
  });

  test("a single time has no next one", ({ expect }) => {
    const once = spec({ timing: { kind: "once", at: "2030-01-01T10:00:00Z" } });
    const plan = planDue(once, idle("00:00:00"), at("10:00:00"), 9);
    expect(told(plan)).toEqual({ run: ["10:00"] });
    expect(plan.next).toBeNull();
  });

  test("nothing fires before the start or after the end", ({ expect }) => {
    const between = spec({ startAt: "2030-01-01T10:02:00Z", endAt: "2030-01-01T10:03:00Z", catchUp: { mode: "all" } });
    const plan = planDue(between, idle("10:00:00"), at("10:10:00"), 100);
    expect(told(plan)).toEqual({ run: ["10:02", "10:03"] });
    expect(plan.next).toBeNull();
  });
});

describe("F15: what passed while nobody could decide", () => {
  const away = idle("10:00:00");
  const back = at("10:20:10");

  test("latest: the newest runs, each of the others is too late", ({ expect }) => {
    const { ticks } = planDue(spec(), away, back, 100);
    expect(ticks.length).toBe(20);
    expect(ticks.filter((tick) => tick.verdict === "run").map((tick) => clock(tick.nominalAt))).toEqual(["10:20"]);
    expect(ticks.filter((tick) => tick.verdict === "too_late").length).toBe(19);
  });

  test("all: as many of the newest as it says", ({ expect }) => {
    const { ["run"]: run, ["too_late"]: late } = told(
      planDue(spec({ catchUp: { mode: "all", max: 3 } }), away, back, 100),
    );
    expect(run).toEqual(["10:18", "10:19", "10:20"]);
    expect(late?.length).toBe(17);
  });

  test("none: only what is on time", ({ expect }) => {
    const none = spec({ catchUp: { mode: "none" } });
    expect(told(planDue(none, away, back, 100))["run"]).toEqual(["10:20"]);
    expect(told(planDue(none, away, at("10:20:31"), 100))["run"]).toBeUndefined();
  });

  test("nothing that is later than the window", ({ expect }) => {
    const hourly = { timing: { kind: "cron", pattern: "0 * * * *" } };
    const short = spec({ ...hourly, catchUp: { mode: "latest", windowMs: 10 * MINUTE } });
    expect(told(planDue(short, idle("10:00:00"), at("13:10:00"), 100))["run"]).toEqual(["13:00"]);
    expect(told(planDue(short, idle("10:00:00"), at("13:10:01"), 100))["run"]).toBeUndefined();
  });

  test("what is decided in several portions comes to the same as in one", ({ expect }) => {
    for (const catchUp of [{ mode: "latest" }, { mode: "all", max: 7 }, { mode: "none" }]) {
      const whole = planDue(spec({ catchUp }), away, back, 1_000).ticks;
      for (const limit of [1, 2, 3, 6, 7, 13, 19, 20]) {
        const portions: Plan["ticks"][number][] = [];
        let state: Pick<Plan, "cursor" | "backlog"> = away;
        for (;;) {
          const plan = planDue(spec({ catchUp }), state, back, limit);
          portions.push(...plan.ticks);
          state = plan;
          if (!plan.more) {
            break;
          }
        }
        expect(portions).toEqual(whole);
      }
    }
  });

  test("a pause without end between two looks does not grow what one look costs", ({ expect }) => {
    const plan = planDue(spec(), { cursor: at("00:00:00") - 3_650 * 86_400_000, backlog: null }, back, 250);
    expect(plan).toMatchObject({ more: true });
    expect(plan.ticks.length).toBe(250);
    expect(plan.ticks.every((tick) => tick.verdict === "too_late")).toBe(true);
  });
});

describe("blackouts", () => {
  test("times within one are skipped, and not made up for", ({ expect }) => {
    const dark = spec({ blackouts: [{ from: "2030-01-01T10:18:00Z", until: "2030-01-01T11:00:00Z", note: "deploy" }] });
    const plan = planDue(dark, idle("10:15:00"), at("10:20:10"), 100);
    expect(told(plan)).toEqual({ too_late: ["10:16"], run: ["10:17"], blackout: ["10:18", "10:19", "10:20"] });
    expect(plan.ticks.at(-1)?.note).toBe("deploy");
  });

  test("whole days are those of the schedule's zone, from their first instant", ({ expect }) => {
    const days = spec({
      timing: { kind: "cron", pattern: "0 * * * *" },
      timezone: "America/New_York",
      blackouts: [{ from: "2029-12-31", until: "2029-12-31" }],
      catchUp: { mode: "all", max: 100, windowMs: 2 * 60 * MINUTE },
    });
    // That day lasts from 05:00 to 05:00 in UTC.
    const plan = planDue(days, { cursor: at("00:00:00"), backlog: null }, at("06:30:00"), 100);
    expect(told(plan)).toEqual({ blackout: ["01:00", "02:00", "03:00", "04:00"], run: ["05:00", "06:00"] });
  });

  test("a blackout of years is passed over, not walked through", ({ expect }) => {
    const dark = spec({ blackouts: [{ from: "2020-01-01", until: "2029-12-31" }], catchUp: { mode: "latest" } });
    const from = Date.parse("2021-01-01T00:00:00Z");
    const plan = planDue(dark, { cursor: from, backlog: null }, at("10:00:00"), 10);
    expect(plan.ticks.map((tick) => tick.verdict)).toEqual(Array.from({ length: 10 }, () => "blackout"));
  });
});

describe("after a pause", () => {
  const paused = (mode: Backlog["mode"], max = 10): { cursor: number; backlog: Backlog } => ({
    cursor: at("10:00:00"),
    backlog: { until: at("10:10:30"), mode, max },
  });

  test("none of its times run where nobody asks for them", ({ expect }) => {
    const plan = planDue(spec(), paused("none"), at("10:12:00"), 100);
    expect(told(plan)["paused"]?.length).toBe(10);
    expect(told(plan)["run"]).toEqual(["10:12"]);
    expect(plan.backlog).toBeNull();
  });

  test("the newest, or some of the newest, run where that was asked for, whatever their age", ({ expect }) => {
    expect(told(planDue(spec(), paused("latest"), at("10:10:30"), 100))["run"]).toEqual(["10:10"]);
    expect(told(planDue(spec(), paused("all", 3), at("10:10:30"), 100))["run"]).toEqual(["10:08", "10:09", "10:10"]);
  });

  test("what went by during it is made up for, however close behind its time", ({ expect }) => {
    const { ticks } = planDue(spec(), paused("all", 10), at("10:11:00"), 100);
    expect(ticks.slice(-2)).toMatchObject([
      { nominalAt: at("10:10:00"), verdict: "run", late: true },
      { nominalAt: at("10:11:00"), verdict: "run", late: false },
    ]);
    const soon = planDue(spec(), paused("latest"), at("10:10:05"), 100).ticks.at(-1);
    expect(soon).toMatchObject({ nominalAt: at("10:10:00"), verdict: "run", late: true });
  });

  test("in portions it comes to the same", ({ expect }) => {
    const whole = planDue(spec(), paused("all", 4), at("10:12:00"), 100).ticks;
    const first = planDue(spec(), paused("all", 4), at("10:12:00"), 5);
    expect(first).toMatchObject({ more: true, backlog: { mode: "all" } });
    const second = planDue(spec(), first, at("10:12:00"), 100);
    expect([...first.ticks, ...second.ticks]).toEqual(whole);
  });
});

describe("F19: clocks that step", () => {
  test("a clock that goes back finds nothing due twice", ({ expect }) => {
    const first = planDue(spec(), idle("10:00:00"), at("10:05:00"), 100);
    const back = planDue(spec(), first, at("10:03:00"), 100);
    expect(back).toMatchObject({ ticks: [], cursor: at("10:05:00"), next: { nominalAt: at("10:06:00") } });
  });

  test("a clock that goes forward leaves no time out", ({ expect }) => {
    const plan = planDue(spec(), idle("10:00:00"), at("10:10:00"), 100);
    expect(plan.ticks.map((tick) => clock(tick.nominalAt))).toEqual(
      Array.from({ length: 10 }, (_, i) => `10:${String(i + 1).padStart(2, "0")}`),
    );
  });
});
