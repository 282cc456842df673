import type { Schedule } from "@cronium/protocol/schedule";
import { describe, test } from "vitest";
import { changesOf, newScheduleDraft, readScheduleDraft, type ScheduleBody, scheduleDraft } from "./schedule-draft.ts";

const schedule: Schedule = {
  id: "sch_1",
  eventId: "evt_1",
  eventName: "backup",
  version: 3,
  name: "nightly",
  timing: { kind: "once", at: "2026-12-24T18:00:00.000Z" },
  timezone: "Europe/Berlin",
  startAt: null,
  endAt: "2027-01-01T00:00:00.000Z",
  jitterMs: 90_000,
  overlap: "queue_one",
  catchUp: { mode: "all", max: 7, windowMs: 7_200_000 },
  blackouts: [
    { from: "2026-12-24", until: "2026-12-26", note: "holidays" },
    { from: "2026-12-31T20:00:00.000Z", until: "2026-12-31T23:00:00.000Z", note: "" },
  ],
  input: { full: true },
  pauseAfterFailures: 5,
  state: "active",
  pause: null,
  failuresInRow: 0,
  nextAt: null,
  nextDueAt: null,
  createdAt: "2026-11-21T02:00:00.000Z",
  updatedAt: "2026-11-21T02:00:00.000Z",
};

function bodyOf({ body, faults }: ReturnType<typeof readScheduleDraft>): ScheduleBody {
  if (Object.keys(faults).length > 0) {
    throw new Error(JSON.stringify(faults));
  }
  return body;
}

describe("a schedule in its form", () => {
  test("comes back as it was", ({ expect }) => {
    const body = bodyOf(readScheduleDraft(scheduleDraft(schedule)));
    expect(schedule).toMatchObject(body);
    expect(Object.keys(body).length).toBe(11);
  });

  test("sends what was changed alone", ({ expect }) => {
    const began = bodyOf(readScheduleDraft(scheduleDraft(schedule)));
    const draft = { ...scheduleDraft(schedule), jitter: "2 min", startAt: "2026-12-01T00:00" };
    expect(changesOf(began, bodyOf(readScheduleDraft(draft)))).toEqual({
      jitterMs: 120_000,
      startAt: "2026-11-30T23:00:00.000Z",
    });
    expect(changesOf(began, began)).toEqual({});
  });

  test("of a new one leaves its name to its timing", ({ expect }) => {
    const { name, input, pauseAfterFailures } = bodyOf(readScheduleDraft(newScheduleDraft()));
    expect({ name, input, pauseAfterFailures }).toEqual({ name: undefined, input: null, pauseAfterFailures: null });
  });

  test("says of each field what is wrong with it", ({ expect }) => {
    const read = readScheduleDraft({
      ...newScheduleDraft(),
      kind: "once",
      at: "",
      jitter: "a while",
      catchUpMax: "-1",
      blackouts: [{ kind: "days", from: "2026-12-24", until: "", note: "" }],
      input: "{",
      pauseAfter: "2.5",
      timezone: "Europe/Berln",
    });
    expect(Object.keys(read.faults).toSorted()).toEqual([
      "/blackouts/0",
      "/catchUp/max",
      "/input",
      "/jitterMs",
      "/pauseAfterFailures",
      "/timezone",
      "/timing/at",
    ]);
  });
});
