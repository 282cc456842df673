import { ScheduleDefinitionInput, type ScheduleDefinition } from "@cronium/protocol";
import { describe, test } from "vitest";
import { nameOf, spanText, timingProblem } from "./check.ts";
import { planDue } from "./plan.ts";
import { previewTimes } from "./preview.ts";
import { jitterOf } from "@cronium/protocol/timing";

const definition = (change: object): ScheduleDefinition =>
  ScheduleDefinitionInput.parse({ name: "n", ...change }) as ScheduleDefinition;
const cron = (pattern: string, timezone = "UTC", more: object = {}): ScheduleDefinition =>
  definition({ timing: { kind: "cron", pattern }, timezone, ...more });
const NOW = Date.parse("2026-01-01T00:00:00Z");

describe("the preview", () => {
  test("marks the day on which New York leaves 02:30 out, and what happens instead", ({ expect }) => {
    const { fires, sentence, clockRule } = previewTimes(
      cron("30 2 * * *", "America/New_York"),
      NOW,
      Date.parse("2027-03-13T12:00:00Z"),
      2,
    );
    expect(sentence).toBe("At 02:30, America/New_York");
    expect(clockRule).toContain("a time that is left out fires once");
    expect(fires[0]).toMatchObject({
      local: "2027-03-14T03:00:00-04:00",
      clockChange: "moved",
      note: "Clocks go forward on 2027-03-14 and leave this time out: it fires at 03:00, the first instant after the gap.",
    });
    expect(fires[1]).toMatchObject({ local: "2027-03-15T02:30:00-04:00", clockChange: null, note: null });
  });

  test("marks a time that comes twice", ({ expect }) => {
    const spec = cron("30 1 * * *", "America/New_York");
    const [fire] = previewTimes(spec, NOW, Date.parse("2026-11-01T00:00:00Z"), 1).fires;
    expect(fire).toMatchObject({ local: "2026-11-01T01:30:00-04:00", clockChange: "first_of_two" });
  });

  test("shows what a blackout takes out", ({ expect }) => {
    const spec = cron("0 9 * * *", "UTC", {
      blackouts: [{ from: "2026-01-02", until: "2026-01-02", note: "holiday" }],
    });
    const { fires } = previewTimes(spec, NOW, NOW, 3);
    expect(fires.map((fire) => fire.blackout)).toEqual([false, true, false]);
    expect(fires[1]?.note).toBe("It lies within a blackout (holiday) and is skipped.");
  });

  test("and the engine name the same times", ({ expect }) => {
    for (const spec of [
      cron("*/7 3-5 * * *", "Europe/Berlin"),
      cron("0 0 29 2 *"),
      definition({ timing: { kind: "interval", everyMs: 777_000 } }),
    ]) {
      const shown = previewTimes(spec, NOW, NOW, 30).fires.map((fire) => Date.parse(fire.nominalAt));
      const last = shown.at(-1) ?? 0;
      const plan = planDue(
        { definition: spec, anchorAt: NOW, jitterMs: 0 },
        { cursor: NOW, backlog: null },
        last,
        1_000,
      );
      expect(plan.ticks.map((tick) => tick.nominalAt)).toEqual(shown);
    }
  });
});

describe("what is refused", () => {
  test.for([
    ["B10", cron("60 * * * *"), "invalid_cron", "/timing/pattern"],
    ["B11", cron("0 0 31 2 *"), "cron_never_fires", "/timing/pattern"],
    ["B12", cron("* * * * * *"), "too_frequent", "/timing/pattern"],
    ["B12", cron("0,9 0 0 1 1 *"), "too_frequent", "/timing/pattern"],
    ["", definition({ timing: { kind: "once", at: "2025-12-31T23:59:59Z" } }), "out_of_range", "/timing/at"],
    [
      "",
      cron("0 0 * * *", "UTC", { startAt: "2026-05-01T00:00:00Z", endAt: "2026-04-01T00:00:00Z" }),
      "out_of_range",
      "/endAt",
    ],
    ["", cron("0 0 1 1 *", "UTC", { endAt: "2026-12-01T00:00:00Z" }), "cron_never_fires", "/endAt"],
  ] as const)("%s %j", ([, spec, code, pointer], { expect }) => {
    expect(timingProblem(spec, NOW)).toMatchObject({ code, pointer });
  });

  test.for([
    ["", "B13"],
    ["Mars/Phobos", "B13"],
    ["+02:00", "B13"],
    ["../../etc/passwd", "B13"],
  ] as const)("B13: the zone %j, with a code of its own", ([timezone], { expect }) => {
    const { error } = ScheduleDefinitionInput.safeParse({ timing: { kind: "cron", pattern: "@daily" }, timezone });
    expect(error?.issues[0]).toMatchObject({ path: ["timezone"], params: { code: "invalid_timezone" } });
  });

  test.for(["*/10 * * * * *", "* * * * *", "0 0 29 2 *"])("%s is not", (pattern, { expect }) => {
    expect(timingProblem(cron(pattern), NOW)).toBeNull();
  });
});

describe("words and shares", () => {
  test("a schedule without a name is called by its timing", ({ expect }) => {
    expect(nameOf(cron(" 0   5 * * * "))).toBe("0 5 * * *");
    expect(nameOf(definition({ timing: { kind: "interval", everyMs: 5_400_000 } }))).toBe("every 1 h 30 min");
    expect(spanText(0)).toBe("0 s");
  });

  test("the share of the jitter is the same each time, within it, and differs between schedules", ({ expect }) => {
    const shares = Array.from({ length: 200 }, (_, i) => jitterOf(`sch_${i}`, 60_000));
    expect(shares).toEqual(Array.from({ length: 200 }, (_, i) => jitterOf(`sch_${i}`, 60_000)));
    expect(Math.max(...shares)).toBeLessThanOrEqual(60_000);
    expect(new Set(shares).size).toBeGreaterThan(150);
    expect(jitterOf("sch_1", 0)).toBe(0);
  });
});
