/** `punctuality`: from the time a schedule names until its run is queued, against a bare alarm with one durable write. */
import type { Benchmark } from "../benchmark.ts";
import { startPlane, type Plane } from "../plane.ts";
import { startBareAlarms, type BareAlarms } from "../reference/bare-alarms.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil } from "../wait.ts";

const MANY = 1_000;
const AHEAD_MS = 2_500;
/** Making a thousand schedules, or alarms, takes a while. */
const MANY_AHEAD_MS = 15_000;
const TOGETHER = 16;

export const punctuality: Benchmark = async ({ rounds, progress }) => {
  const plane = await startPlane({ runner: false });
  const bare = await startBareAlarms();
  try {
    // Nobody has this label: what is measured ends when the run is queued.
    const event = { name: "due", kind: "script", runtime: "bash", script: "true", labels: { nobody: "has this" } };
    const { id: eventId } = await plane.call("POST", "/events", event);
    const one: { ours: number[]; floor: number[] } = { ours: [], floor: [] };
    const many: { ours: number[][]; floor: number[][]; one: number[] } = { ours: [], floor: [], one: [] };
    let lost = 0;
    for (let round = 1; round <= rounds; round += 1) {
      for (let i = 0; i < 3; i += 1) {
        one.ours.push(...(await ours(plane, eventId, 1, AHEAD_MS)));
        one.floor.push(...(await floor(bare, 1, AHEAD_MS)));
      }
      many.ours.push(await ours(plane, eventId, MANY, MANY_AHEAD_MS));
      many.floor.push(await floor(bare, MANY, MANY_AHEAD_MS));
      many.one.push(...(await floor(bare, 1, AHEAD_MS, MANY)));
      lost += MANY - (many.ours.at(-1)?.length ?? 0);
      progress(`punctuality round ${round} of ${rounds}`);
    }
    const reference = { name: "bare Durable Object alarm, one write", version: bare.version };
    const idle = figuresOf(one.ours).p50 / Math.max(1, figuresOf(one.floor).p50);
    const lasts = many.ours.map((times, i) => Math.max(...times) / Math.max(1, ...(many.floor[i] ?? [])));
    const beside = many.ours.map((times, i) => Math.max(...times) / Math.max(1, many.one[i] ?? 0));
    const cases: Case[] = [
      {
        case: "one schedule, idle: named time to run queued, p50",
        unit: "ms",
        ours: figuresOf(one.ours),
        reference: { ...reference, ...figuresOf(one.floor) },
        ratio: idle,
        goal: "<= 3",
        pass: meetsGoal(idle, "<= 3"),
      },
      {
        case: "1,000 in one second: the last of them, beside a thousand objects",
        unit: "ms",
        ours: figuresOf(many.ours.map((times) => Math.max(...times))),
        reference: {
          ...reference,
          name: `${MANY} bare objects, an alarm and a write each`,
          ...figuresOf(many.floor.map((times) => Math.max(...times))),
        },
        ratio: median(lasts),
        goal: "<= 2",
        pass: meetsGoal(median(lasts), "<= 2"),
      },
      {
        case: "1,000 in one second: the last of them, beside one object",
        unit: "ms",
        ours: figuresOf(many.ours.map((times) => Math.max(...times))),
        reference: { ...reference, name: `one bare object, an alarm and ${MANY} writes`, ...figuresOf(many.one) },
        ratio: median(beside),
        goal: "<= 2",
        pass: meetsGoal(median(beside), "<= 2"),
      },
    ];
    const spread = figuresOf(many.ours.flat());
    return {
      cases,
      gates: { lost, duplicated: 0, reordered: 0 },
      notes: [
        `Of the thousand ours took p50 ${spread.p50.toFixed(0)} ms and p99 ${spread.p99.toFixed(0)} ms over ${rounds} rounds.`,
        "Both sides read the object's own clock, which has steps of a millisecond: a floor below 1 ms counts as 1 ms. The thousand objects of the floor wake one after the other, which flatters ours, one object with one alarm; beside one bare object the ratio is how dear a run is: its row, its input, its place in the ledger and in the lists, against a single row.",
      ],
    };
  } finally {
    await bare.stop();
    await plane.stop();
  }
};

/** How late each run was queued, in milliseconds. */
async function ours(plane: Plane, eventId: string, count: number, aheadMs: number): Promise<number[]> {
  const at = new Date(Math.ceil((Date.now() + aheadMs) / 1_000) * 1_000).toISOString();
  await inTurns(count, () => plane.call("POST", "/schedules", { eventId, timing: { kind: "once", at } }));
  const late = new Map<string, number>();
  await waitUntil(`${count} schedules to fire`, 120_000, async () => {
    let cursor: string | null = "";
    while (cursor !== null && late.size < count) {
      const from = `from=${at}&limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`;
      const page: { items: { scheduleId: string; latenessMs: number }[]; nextCursor: string | null } = await plane.call(
        "GET",
        `/occurrences?${from}`,
      );
      for (const { scheduleId, latenessMs } of page.items) {
        late.set(scheduleId, latenessMs);
      }
      cursor = page.nextCursor;
    }
    return late.size >= count;
  });
  return [...late.values()];
}

/** `rows`: how many each object writes. */
async function floor(bare: BareAlarms, count: number, aheadMs: number, rows = 1): Promise<number[]> {
  const at = Math.ceil((Date.now() + aheadMs) / 1_000) * 1_000;
  const names = Array.from({ length: count }, (_, i) => `${at}-${i}-${rows}`);
  await inTurns(count, (i) => bare.set(names[i] ?? "", at, rows));
  let late: number[] = [];
  await waitUntil(`${count} bare alarms`, 120_000, async () => {
    late = (await Promise.all(names.map((name) => bare.late(name)))).filter((ms) => ms !== null);
    return late.length === count;
  });
  return late;
}

async function inTurns(count: number, act: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(TOGETHER, count) }, async () => {
      while (next < count) {
        next += 1;
        await act(next - 1);
      }
    }),
  );
}
