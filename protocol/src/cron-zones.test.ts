/** What must hold in every time zone there is, around every change of its clocks in three years. */
import { describe, test } from "vitest";
import { CronRule } from "./cron.ts";
import { nextChange, offsetMs, zoneMark, zoneProblem, type Change } from "./zone.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FROM = Date.UTC(2025, 0, 1);
const UNTIL = Date.UTC(2028, 0, 1);
const zones = [
  ...new Set([
    ...Intl.supportedValuesOf("timeZone"),
    "UTC",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
  ]),
];

/** One of each kind: the size of the step, and the time of day it happens at, make the case. */
function changesOf(zone: string): Change[] {
  const found = new Map<string, Change>();
  let change = nextChange(zone, FROM, UNTIL);
  while (change !== null) {
    const wall = change.at + change.before;
    found.set(`${change.after - change.before}/${wall % DAY}`, change);
    change = nextChange(zone, change.at, UNTIL);
  }
  return [...found.values()];
}

const cases = zones.flatMap((zone) => changesOf(zone).map((change) => ({ zone, change })));
const minuteOf = (wall: number): string => {
  const date = new Date(wall);
  return `${date.getUTCMinutes()} ${date.getUTCHours()} * * *`;
};

describe("F37: every IANA zone", () => {
  test("there are hundreds of zones, and changes of clocks in more than a hundred of them", ({ expect }) => {
    expect(zones.length).toBeGreaterThan(400);
    expect(new Set(cases.map((one) => one.zone)).size).toBeGreaterThan(100);
    expect(zones.filter((zone) => zoneProblem(zone) !== null)).toEqual([]);
  });

  test("every change found is the first instant of its new offset", ({ expect }) => {
    const wrong = cases.filter(
      ({ zone, change }) =>
        offsetMs(zone, change.at) !== change.after || offsetMs(zone, change.at - 1_000) !== change.before,
    );
    expect(wrong).toEqual([]);
  });

  test("a fixed time fires exactly once on each day around a change, also where it is left out or comes twice", ({
    expect,
  }) => {
    const wrong: string[] = [];
    for (const { zone, change } of cases) {
      const middle = (change.before + change.after) / 2;
      // A time within the gap or the overlap, and one well outside.
      for (const wall of [change.at + middle, change.at + middle + 9 * HOUR]) {
        const whole = Math.floor(wall / MINUTE) * MINUTE;
        const rule = new CronRule(minuteOf(whole), zone);
        const days = rule.upcoming(change.at - 2 * DAY, 4);
        for (const [i, fire] of days.entries()) {
          const previous = days[i - 1]?.at ?? change.at - 2 * DAY;
          const shown = (fire.at + offsetMs(zone, fire.at)) % DAY;
          const isRight = fire.clockChange === "moved" ? fire.at === change.at : shown === whole % DAY;
          const apart = fire.at - previous;
          if (!isRight || apart <= 0 || (i > 0 && Math.abs(apart - DAY) > Math.abs(change.after - change.before))) {
            wrong.push(`${zone} ${rule.pattern} ${new Date(fire.at).toISOString()}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("the gap is said to move a time, and an overlap to come twice", ({ expect }) => {
    const wrong: string[] = [];
    for (const { zone, change } of cases) {
      const step = change.after - change.before;
      const wall = Math.floor((change.at + (change.before + change.after) / 2) / MINUTE) * MINUTE;
      const fire = new CronRule(minuteOf(wall), zone).next(change.at - 12 * HOUR);
      if (Math.abs(step) >= 2 * MINUTE && fire?.clockChange !== (step > 0 ? "moved" : "first_of_two")) {
        wrong.push(`${zone} ${new Date(change.at).toISOString()} ${JSON.stringify(fire)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("every ten minutes stays every ten minutes through each change of whole ten minutes", ({ expect }) => {
    const wrong: string[] = [];
    for (const { zone, change } of cases) {
      if ((change.after - change.before) % (10 * MINUTE) === 0 && change.before % (10 * MINUTE) === 0) {
        const times = new CronRule("*/10 * * * *", zone).upcoming(change.at - 3 * HOUR, 36).map((fire) => fire.at);
        if (times.some((time, i) => i > 0 && time - (times[i - 1] ?? 0) !== 10 * MINUTE)) {
          wrong.push(zone);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("I12: the next time always lies behind the one it is asked from, whatever the pattern, zone and moment", ({
    expect,
  }) => {
    const patterns = ["*/7 * * * *", "0 */3 * * *", "15,45 0-5 * * *", "0 0 1 * *", "59 23 * * SUN", "0 0 29 2 *"];
    const wrong: string[] = [];
    for (const [n, { zone, change }] of cases.entries()) {
      const pattern = patterns[n % patterns.length] ?? "* * * * *";
      const rule = new CronRule(pattern, zone);
      for (const from of [
        change.at - HOUR,
        change.at - 1,
        change.at,
        change.at + 1,
        change.at + 1_499,
        change.at + HOUR,
      ]) {
        let last = from;
        for (const fire of rule.upcoming(from, 4)) {
          if (fire.at <= last) {
            wrong.push(`${zone} ${pattern} ${new Date(from).toISOString()}`);
          }
          last = fire.at;
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("asking from any moment between two fires gives the later of them", ({ expect }) => {
    const wrong: string[] = [];
    for (const [n, { zone, change }] of cases.entries()) {
      const rule = new CronRule(n % 2 === 0 ? "*/20 1-3 * * *" : "20 * * * *", zone);
      const times = rule.upcoming(change.at - DAY, 40).map((fire) => fire.at);
      for (const [i, time] of times.entries()) {
        const before = times[i - 1] ?? change.at - DAY;
        for (const share of [0, 0.3, 0.9]) {
          const asked = Math.floor(before + (time - before) * share);
          if (rule.next(asked)?.at !== time) {
            wrong.push(`${zone} ${rule.pattern} ${new Date(asked).toISOString()}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("what is told of a zone's data names each change of its clocks, and differs between zones that differ", ({
    expect,
  }) => {
    const at = Date.UTC(2025, 5, 1);
    const wrong: string[] = [];
    const byOffsets = new Map<string, string>();
    for (const zone of zones.filter((_, n) => n % 8 === 0)) {
      const mark = zoneMark(zone, at);
      let change = nextChange(zone, FROM, UNTIL);
      while (change !== null) {
        if (!mark.includes(` ${change.at / 1_000} ${change.after / 1_000}`)) {
          wrong.push(`${zone} ${new Date(change.at).toISOString()}`);
        }
        change = nextChange(zone, change.at, UNTIL);
      }
      byOffsets.set(mark, zone);
    }
    expect(wrong).toEqual([]);
    expect(byOffsets.size).toBeGreaterThan(15);
    expect(zoneMark("Europe/Berlin", at)).toBe(zoneMark("Europe/Berlin", Date.UTC(2025, 11, 31)));
    expect(zoneMark("Europe/Berlin", at)).not.toBe(zoneMark("Europe/Berlin", Date.UTC(2026, 0, 1)));
  });
});
