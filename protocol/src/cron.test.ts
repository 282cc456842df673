import { describe, test } from "vitest";
import { CronRule, describeCron, readCron } from "./cron.ts";

const at = (text: string): number => Date.parse(text);
const text = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
const NOW = at("2026-01-01T00:00:00Z");

function fires(pattern: string, zone: string, after: string, count: number): string[] {
  return new CronRule(pattern, zone).upcoming(at(after), count).map((fire) => text(fire.at));
}

function problem(pattern: string, zone = "UTC"): { code: string; message: string } {
  const reading = readCron(pattern, zone, NOW);
  return "problem" in reading ? reading.problem : { code: "accepted", message: pattern };
}

describe("syntax", () => {
  test.for([
    ["*/15 * * * *", ["00:15", "00:30", "00:45", "01:00"]],
    ["5 4 * * *", ["04:05", "04:05"]],
    ["0 9-17/4 * * *", ["09:00", "13:00", "17:00", "09:00"]],
    ["0,30 6 * * *", ["06:00", "06:30", "06:00"]],
    ["30 5 10 * * *", ["10:05", "10:05"]],
  ] as const)("reads %s", ([pattern, clock], { expect }) => {
    const found = fires(pattern, "UTC", "2026-01-01T00:00:00Z", clock.length);
    expect(found.map((fire) => fire.slice(11, 16))).toEqual(clock);
  });

  test("takes seconds as a sixth field in front", ({ expect }) => {
    expect(fires("*/20 * * * * *", "UTC", "2026-01-01T00:00:05Z", 3)).toEqual([
      "2026-01-01T00:00:20Z",
      "2026-01-01T00:00:40Z",
      "2026-01-01T00:01:00Z",
    ]);
  });

  test.for([
    ["0 0 1 JAN *", "2027-01-01T00:00:00Z"],
    ["0 0 * * MON", "2026-01-05T00:00:00Z"],
    ["0 0 * * 7", "2026-01-04T00:00:00Z"],
    ["0 0 L * *", "2026-01-31T00:00:00Z"],
    ["0 0 * * FRI#2", "2026-01-09T00:00:00Z"],
    ["0 0 * * SUN#L", "2026-01-25T00:00:00Z"],
    ["0 0 15W 2 *", "2026-02-16T00:00:00Z"],
    ["@yearly", "2027-01-01T00:00:00Z"],
    ["@Daily", "2026-01-02T00:00:00Z"],
    ["@hourly", "2026-01-01T01:00:00Z"],
    ["@weekly", "2026-01-04T00:00:00Z"],
    ["0 0 ? * ?", "2026-01-02T00:00:00Z"],
  ] as const)("finds the next time of %s", ([pattern, expected], { expect }) => {
    expect(fires(pattern, "UTC", "2026-01-01T00:00:00Z", 1)).toEqual([expected]);
  });

  test("day of the month and day of the week both given mean either of them", ({ expect }) => {
    expect(fires("0 0 13 * FRI", "UTC", "2026-01-08T00:00:00Z", 3).map((fire) => fire.slice(0, 10))).toEqual([
      "2026-01-09",
      "2026-01-13",
      "2026-01-16",
    ]);
  });

  test("a + before the day of the week asks for both", ({ expect }) => {
    expect(fires("0 0 13 * +FRI", "UTC", "2026-01-01T00:00:00Z", 2).map((fire) => fire.slice(0, 10))).toEqual([
      "2026-02-13",
      "2026-03-13",
    ]);
  });
});

describe("dates that are rare or never come", () => {
  test("waits four years, and eight around 2100, for 29 February", ({ expect }) => {
    const rule = new CronRule("0 0 29 2 *", "UTC");
    expect(rule.upcoming(at("2095-01-01T00:00:00Z"), 3).map((fire) => text(fire.at).slice(0, 10))).toEqual([
      "2096-02-29",
      "2104-02-29",
      "2108-02-29",
    ]);
  });

  test("knows that 2100 has no 29 February in a zone with daylight saving either", ({ expect }) => {
    expect(fires("30 2 29 2 *", "America/New_York", "2096-03-01T00:00:00Z", 1)).toEqual(["2104-02-29T07:30:00Z"]);
  });

  test.for(["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 +MON"])(
    "B11: %s never fires and is refused",
    (pattern, { expect }) => {
      expect(problem(pattern).code).toBe("cron_never_fires");
    },
  );
});

describe("bad patterns", () => {
  test.for([
    ["* * * *", "this one has 4"],
    ["* * * * * * *", "this one has 7"],
    ["* * * * * * * *", "this one has 8"],
    ["", "this one has 0"],
    ["   ", "this one has 0"],
    ["60 * * * *", "minute “60”"],
    ["* 24 * * *", "hour “24”"],
    ["* * 32 * *", "day of the month “32”"],
    ["* * 0 * *", "day of the month “0”"],
    ["* * * 13 *", "month “13”"],
    ["* * * * 8", "day of the week “8”"],
    ["*/0 * * * *", "minute “*/0”"],
    ["5-1 * * * *", "minute “5-1”"],
    ["-1 * * * *", "minute “-1”"],
    ["1.5 * * * *", "minute “1.5”"],
    ["٣ * * * *", "minute “٣”"],
    ["* * * FOO *", "month “FOO”"],
    ["a b c d e", "minute “a”"],
    ["99 * * * * *", "second “99”"],
    ["@every 5m", "@every 5m"],
    ["@reboot", "@reboot"],
    ["@__proto__", "@__proto__"],
    [",1 * * * *", "minute “,1”"],
    ["1,,2 * * * *", "minute “1,,2”"],
    ["1/ * * * *", "minute “1/”"],
    ["$(reboot) * * * *", "minute “$(reboot)”"],
  ] as const)("B10: %s is refused and the field with its value is named", ([pattern, named], { expect }) => {
    const { code, message } = problem(pattern);
    expect({ code, message }).toMatchObject({ code: "invalid_cron" });
    expect(message).toContain(named);
  });

  test("B10: a pattern of ten kilobytes is refused before it is parsed", ({ expect }) => {
    const { code, message } = problem("1,".repeat(5_000) + " * * * *");
    expect(code).toBe("invalid_cron");
    expect(message.length).toBeLessThan(200);
  });

  test("B10: a message quotes no more than the beginning of a long field", ({ expect }) => {
    const { code, message } = problem(`${"x".repeat(150)} * * * *`);
    expect(code).toBe("invalid_cron");
    expect(message.length).toBeLessThan(300);
  });
});

describe("zones that are none", () => {
  test.for([
    "",
    " ",
    "Mars/Phobos",
    "+02:00",
    "-0500",
    "../../etc/passwd",
    "Europe/Berlin ",
    "UTC+2",
    "x".repeat(100),
    "Europe/",
  ])("B13: %j is refused", (zone, { expect }) => {
    expect(problem("0 0 * * *", zone).code).toBe("invalid_timezone");
  });

  test.for(["UTC", "Europe/Berlin", "america/new_york", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])(
    "takes %s",
    (zone, { expect }) => {
      expect(problem("0 0 * * *", zone).code).toBe("accepted");
    },
  );
});

describe("F37: clocks that are changed", () => {
  test("a fixed time within the gap fires once, at the first instant after it", ({ expect }) => {
    const rule = new CronRule("30 2 * * *", "America/New_York");
    const [before, moved, after] = rule.upcoming(at("2025-03-08T00:00:00Z"), 3);
    expect(before).toEqual({ at: at("2025-03-08T07:30:00Z"), clockChange: null });
    expect(moved).toEqual({ at: at("2025-03-09T07:00:00Z"), clockChange: "moved" });
    expect(after).toEqual({ at: at("2025-03-10T06:30:00Z"), clockChange: null });
  });

  test("a fixed time that comes twice fires once, at the first", ({ expect }) => {
    const rule = new CronRule("30 1 * * *", "America/New_York");
    const [first, next] = rule.upcoming(at("2026-11-01T00:00:00Z"), 2);
    expect(first).toEqual({ at: at("2026-11-01T05:30:00Z"), clockChange: "first_of_two" });
    expect(next).toEqual({ at: at("2026-11-02T06:30:00Z"), clockChange: null });
  });

  test("asked within the second showing of an hour, a fixed time of that hour is tomorrow's", ({ expect }) => {
    expect(fires("0-59 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", 1)).toEqual(["2026-11-02T06:00:00Z"]);
  });

  test("several fixed times within one gap fire once together", ({ expect }) => {
    expect(fires("0,20,40 2,3 * * *", "America/New_York", "2025-03-09T06:59:00Z", 3)).toEqual([
      "2025-03-09T07:00:00Z",
      "2025-03-09T07:20:00Z",
      "2025-03-09T07:40:00Z",
    ]);
  });

  test("every quarter of an hour goes on by elapsed time through both changes", ({ expect }) => {
    for (const start of ["2025-03-09T05:00:00Z", "2026-11-01T04:00:00Z"]) {
      const found = new CronRule("*/15 * * * *", "America/New_York").upcoming(at(start), 24);
      expect(found.map((fire) => (fire.at - at(start)) / 900_000)).toEqual(found.map((_, i) => i + 1));
    }
  });

  test("a step of hours fires whenever the clock shows one of its hours", ({ expect }) => {
    expect(fires("0 */2 * * *", "America/New_York", "2025-03-09T04:59:00Z", 3)).toEqual([
      "2025-03-09T05:00:00Z",
      "2025-03-09T08:00:00Z",
      "2025-03-09T10:00:00Z",
    ]);
    expect(fires("0 1-23/2 * * *", "America/New_York", "2026-11-01T04:00:00Z", 3)).toEqual([
      "2026-11-01T05:00:00Z",
      "2026-11-01T06:00:00Z",
      "2026-11-01T08:00:00Z",
    ]);
  });

  test("half an hour on Lord Howe Island moves 02:15 to 02:30, and is shown twice in autumn", ({ expect }) => {
    const rule = new CronRule("15 2 * * *", "Australia/Lord_Howe");
    expect(rule.next(at("2025-10-04T12:00:00Z"))).toEqual({ at: at("2025-10-04T15:30:00Z"), clockChange: "moved" });
    const autumn = new CronRule("45 1 * * *", "Australia/Lord_Howe");
    expect(autumn.next(at("2026-04-04T12:00:00Z"))).toEqual({
      at: at("2026-04-04T14:45:00Z"),
      clockChange: "first_of_two",
    });
  });

  test("the two hours of Troll are one gap, and one overlap", ({ expect }) => {
    const spring = new CronRule("30 1 * * *", "Antarctica/Troll");
    expect(spring.next(at("2025-03-29T12:00:00Z"))).toEqual({ at: at("2025-03-30T01:00:00Z"), clockChange: "moved" });
    const autumn = new CronRule("30 1 * * *", "Antarctica/Troll").upcoming(at("2025-10-25T12:00:00Z"), 2);
    expect(autumn[0]?.clockChange).toBe("first_of_two");
    expect((autumn[1]?.at ?? 0) - (autumn[0]?.at ?? 0)).toBe(26 * 3_600_000);
  });

  test("Chatham's 45 minutes past full hours are kept", ({ expect }) => {
    expect(fires("45 2 * * *", "Pacific/Chatham", "2025-09-27T00:00:00Z", 1)).toEqual(["2025-09-27T14:00:00Z"]);
  });

  test("a day that a zone left out altogether fires at its end", ({ expect }) => {
    expect(fires("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1)).toEqual(["2011-12-30T10:00:00Z"]);
  });
});

describe("words", () => {
  test.for([
    ["*/5 * * * *", "Every 5 minutes"],
    ["30 2 * * 1-5", "At 02:30, Monday through Friday"],
    ["@daily", "At 00:00"],
    ["0 0 13 * +FRI", "At 00:00, on day 13 of the month, only on Friday"],
    ["*/10 * * * * *", "Every 10 seconds"],
  ] as const)("says what %s means", ([pattern, sentence], { expect }) => {
    expect(describeCron(pattern)).toBe(sentence);
  });

  test("has none rather than wrong ones for what it cannot read", ({ expect }) => {
    expect(describeCron("x y z")).toBeNull();
  });
});
