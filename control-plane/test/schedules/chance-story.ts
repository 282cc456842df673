/** Schedules, zones and outages that chance makes: preview, engine, ledger and `why` must tell the same story. */
import { expect } from "vitest";
import type { Occurrence } from "@cronium/protocol";
import { nextChange } from "@cronium/protocol/zone";
import type { Log } from "../../src/domain/ports.ts";
import { previewTimes } from "../../src/domain/schedule/preview.ts";
import { answerWhy, meantBy } from "../../src/domain/schedule/why.ts";
import { whyFacts } from "../../src/objects/dispatcher/schedules/occurrences.ts";
import { jitterOf } from "@cronium/protocol/timing";
import { planSpec, readSchedule } from "../../src/objects/dispatcher/schedules/rows.ts";
import { readRun } from "../../src/objects/dispatcher/run-rows.ts";
import { viewRun } from "../../src/objects/dispatcher/whole-runs.ts";
import { Chance } from "../engine/workload/chance.ts";
import { makePlane } from "../engine/plane.ts";
import { createEvent } from "../engine/queue-story.ts";
import { inVirtualTime, START, type VirtualTime } from "./virtual-time.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const zones = Intl.supportedValuesOf("timeZone");
const iso = (at: number): string => new Date(at).toISOString();

function timingOf(chance: Chance, from: number): object {
  const minute = chance.pick(["*/7", "0,30", "15", "59", `${chance.int(0, 59)}-59/${chance.int(9, 30)}`]);
  const hour = chance.pick(["*", "*/2", "*/5", "0-3", "1,2,3", "2", `${chance.int(0, 23)}`]);
  switch (chance.int(0, 9)) {
    case 0:
      return { kind: "once", at: iso(from + chance.int(1, 30) * HOUR) };
    case 1:
      return { kind: "interval", everyMs: chance.int(7, 300) * MINUTE + chance.int(0, 59_999) };
    default:
      return { kind: "cron", pattern: `${minute} ${hour} * * *` };
  }
}

function fieldsOf(chance: Chance, from: number, timezone: string): object {
  return {
    timing: timingOf(chance, from),
    timezone,
    overlap: chance.pick(["skip", "queue_one", "allow", "cancel_previous"]),
    catchUp: chance.pick([{ mode: "none" }, {}, { mode: "all", max: 5 }, { mode: "all", max: 100, windowMs: 2 * DAY }]),
    jitterMs: chance.of(0.3) ? chance.int(1, 10 * MINUTE) : 0,
    ...(chance.of(0.3) ? { startAt: iso(from + chance.int(0, 12) * HOUR) } : {}),
    ...(chance.of(0.2) ? { endAt: iso(from + chance.int(24, 40) * HOUR) } : {}),
    ...(chance.of(0.2)
      ? { blackouts: [{ from: iso(from + 10 * HOUR), until: iso(from + 14 * HOUR), note: "a deploy" }] }
      : {}),
  };
}

/** A change of clocks lies in the days that follow, where the zone has any. */
function beginIn(chance: Chance, zone: string, after: number): number {
  const change = nextChange(zone, after, after + 400 * DAY);
  return change === null ? after : Math.max(after, change.at - chance.int(1, 36) * HOUR);
}

/** Two days, some of them away, with runs that end now and then. */
function live(chance: Chance, world: VirtualTime, scheduleId: string): void {
  const until = world.now() + 2 * DAY;
  while (world.now() < until) {
    const to = Math.min(until, world.now() + chance.int(1, 9 * HOUR));
    if (chance.of(0.3)) {
      world.jump(iso(to));
      world.alarm();
    }
    world.pass(iso(to));
    for (const { runId } of world.ledger(scheduleId)) {
      const run = runId === null ? null : readRun(world.shell, runId);
      if (run?.state === "queued" && chance.of(0.5)) {
        world.end(run.id, chance.of(0.7) ? "succeeded" : "failed");
      }
    }
  }
}

function why(world: VirtualTime, scheduleId: string, at: number): ReturnType<typeof answerWhy> {
  const facts = whyFacts(world.shell, { scheduleId, ...meantBy(at) });
  if (facts === null) {
    throw new Error("no schedule");
  }
  const run = readRun(world.shell, facts.occurrence?.runId ?? "");
  return answerWhy(at, facts, run === null ? null : viewRun(world.shell, run), world.now());
}

const verdicts: Readonly<Record<Occurrence["decision"], readonly string[]>> = {
  run: ["ran", "waiting", "running", "did_not_start"],
  skipped: ["skipped"],
  missed: ["missed"],
};

function check(chance: Chance, world: VirtualTime, scheduleId: string, what: string): void {
  const record = readSchedule(world.shell, scheduleId);
  if (record === null) {
    throw new Error("no schedule");
  }
  const { definition, anchorAt, createdAt } = record;
  const jitterMs = jitterOf(scheduleId, definition.jitterMs);
  expect(planSpec(record).jitterMs, what).toBe(jitterMs);
  const shown = previewTimes(definition, anchorAt, createdAt, 1_000).fires.map((fire) => Date.parse(fire.nominalAt));
  const due = shown.filter((at) => at + jitterMs <= world.now());
  const rows = world.ledger(scheduleId);
  expect(
    rows.map((one) => one.nominalAt),
    `preview and ledger: ${what}`,
  ).toEqual(due.map(iso));
  expect(record.nextNominal, `preview and engine: ${what}`).toBe(shown[due.length] ?? null);
  const runIds = rows.flatMap(({ runId }) => runId ?? []);
  expect(new Set(runIds).size, `a run each: ${what}`).toBe(runIds.length);
  for (const row of rows) {
    const answer = why(world, scheduleId, Date.parse(row.nominalAt));
    expect(answer.occurrence, what).toEqual(row);
    expect(verdicts[row.decision], `${what}: ${row.nominalAt} ${answer.verdict}`).toContain(answer.verdict);
  }
  const minutes = new Set(shown.map((at) => Math.floor(at / MINUTE)));
  for (let asked = 0; asked < 20; asked += 1) {
    const at = createdAt + chance.int(-2 * HOUR, 3 * DAY);
    const minute = Math.floor(at / MINUTE) * MINUTE;
    if (!minutes.has(minute / MINUTE)) {
      const answer = why(world, scheduleId, minute);
      expect(answer.occurrence, what).toBeNull();
      expect(["before_created", "no_nominal_time", "ended"], `${what}: ${iso(minute)}`).toContain(answer.verdict);
    }
  }
}

/** Makes so many schedules, lives through two days of each, and compares what is told of them. How many times it looked at. */
export async function liveThroughChance(seed: number, cases: number): Promise<number> {
  const chance = new Chance(seed);
  const plane = await makePlane();
  const event = await createEvent(plane);
  const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined, child: () => quiet };
  let times = 0;
  const story = (world: VirtualTime): void => {
    for (let n = 0; n < cases; n += 1) {
      const zone = chance.pick(zones) ?? "UTC";
      world.jump(iso(beginIn(chance, zone, n === 0 ? Date.parse(START) : world.now())));
      const fields = fieldsOf(chance, world.now(), zone);
      const { id } = world.schedule(fields);
      const what = `seed ${seed}, ${JSON.stringify(fields)} from ${iso(world.now())}`;
      live(chance, world, id);
      check(chance, world, id, what);
      times += world.ledger(id).length;
      world.shell.sql.exec("UPDATE schedules SET next_fire = NULL");
    }
  };
  await inVirtualTime(plane, event, story, { log: quiet });
  return times;
}
