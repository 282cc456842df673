import { describe, test } from "vitest";
import { momentOf, wallTime } from "./wall-time.ts";

describe("what clocks show", () => {
  test("goes back and forth", ({ expect }) => {
    expect(momentOf("2026-11-21T02:00", "Europe/Berlin")).toBe("2026-11-21T01:00:00.000Z");
    expect(wallTime("2026-11-21T01:00:00.000Z", "Europe/Berlin")).toBe("2026-11-21T02:00");
    expect(wallTime("2026-11-21T01:00:07Z", "America/New_York")).toBe("2026-11-20T20:00:07");
    expect(momentOf("2026-11-20T20:00:07", "America/New_York")).toBe("2026-11-21T01:00:07.000Z");
  });

  test("is the first of a time that comes twice, and the end of a gap", ({ expect }) => {
    expect(momentOf("2026-11-01T01:30", "America/New_York")).toBe("2026-11-01T05:30:00.000Z");
    expect(momentOf("2027-03-14T02:30", "America/New_York")).toBe("2027-03-14T07:00:00.000Z");
  });

  test("is nothing without a time or a zone", ({ expect }) => {
    expect(momentOf("", "UTC")).toBeNull();
    expect(momentOf("2026-13-21T02:00", "UTC")).toBeNull();
    expect(momentOf("2026-11-21T02:00", "Europe/Berln")).toBeNull();
    expect(wallTime(null, "UTC")).toBe("");
    expect(wallTime("2026-11-21T01:00:00Z", "+02:00")).toBe("");
  });
});
