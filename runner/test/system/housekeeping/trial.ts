/** Runs come and go, far more than the Dispatcher may keep; what it takes up is sampled on the way and at the end. */
import { setTimeout as after } from "node:timers/promises";
import { startPlane, type Plane } from "../plane.ts";
import { eventually } from "../wait.ts";
import { type Sample, takeSample } from "./sample.ts";
import { connectWireRunner, type WireRunner } from "./wire-runner.ts";

const SLOTS = 200;
const BATCH = 500;
/** Runs that wait or are under way at a time. */
const AHEAD = 1_500;
/** For an alarm that comes late on a busy machine. */
const TIDY_MARGIN_MS = 10_000;
const COURSE_EVERY_MS = 200;
const LEASES = { SHORT_LEASES: "yes", LEASE_MS: "60000", RENEW_MS: "5000", OFFER_TIMEOUT_MS: "10000" };
/** What stays: definitions, machines, settings, and sums by hour. */
const KEPT = new Set(["meta", "schema_steps", "events", "event_versions", "runners", "queues", "counters", "audit"]);

export interface HousekeepingOptions {
  readonly runs: number;
  /** How long a finished run stays in the Dispatcher. */
  readonly keepMs: number;
  readonly samples: number;
  readonly withinMs: number;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface Measured extends Sample {
  /** Runs that ended so short a time ago that they may still be kept, tidying included. */
  readonly recent: number;
}

export interface HousekeepingReport {
  readonly samples: readonly Measured[];
  /** After everything has served its time. */
  readonly end: Sample;
  readonly seconds: number;
}

export async function housekeepingTrial(options: HousekeepingOptions): Promise<HousekeepingReport> {
  const plane = await startPlane({ ...LEASES, KEEP_FINISHED_MS: String(options.keepMs) });
  let runner: WireRunner | null = null;
  try {
    runner = await connectWireRunner(plane, SLOTS);
    return await work(plane, runner, options);
  } finally {
    runner?.close();
    await plane.stop();
  }
}

async function work(plane: Plane, runner: WireRunner, options: HousekeepingOptions): Promise<HousekeepingReport> {
  const { runs, samples: wanted, say, withinMs, signal } = options;
  const begin = performance.now();
  const event = await plane.call("POST", "/events", { name: "many", kind: "script", runtime: "bash", script: "true" });
  await plane.call("PATCH", "/settings", { triggersPerMinute: 10_000_000 });
  const samples: Measured[] = [];
  const course: { readonly at: number; readonly finished: number }[] = [];
  const recent = (): number => {
    const since = performance.now() - 2 * options.keepMs - TIDY_MARGIN_MS;
    return runner.finished - (course.findLast(({ at }) => at <= since)?.finished ?? 0);
  };
  const sample = (): Sample => takeSample(plane.dataDir, plane.workerd(), runner.finished);
  const watch = (): void => {
    signal?.throwIfAborted();
    if (runner.problem !== null) {
      throw new Error(`The runner is gone: ${runner.problem}`);
    }
    if (performance.now() - begin > withinMs) {
      throw new Error(`Only ${runner.finished} of ${runs} runs have ended in time.`);
    }
    if (performance.now() - (course.at(-1)?.at ?? 0) > COURSE_EVERY_MS) {
      course.push({ at: performance.now(), finished: runner.finished });
    }
    if (runner.finished >= ((samples.length + 1) * runs) / wanted) {
      samples.push({ ...sample(), recent: recent() });
      say(JSON.stringify(samples.at(-1)));
    }
  };
  for (let sent = 0; sent < runs;) {
    watch();
    if (sent - runner.finished > AHEAD) {
      await after(5);
      continue;
    }
    const size = Math.min(BATCH, runs - sent);
    const body = { runs: Array.from({ length: size }, (_value, index) => ({ input: sent + index })) };
    const answer = await plane.call("POST", `/events/${event.body.id}/runs/batch`, body);
    if (answer.status !== 202 || answer.body.items.some((item: { runId: string | null }) => item.runId === null)) {
      throw new Error(`A batch was refused: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
    }
    sent += size;
  }
  while (runner.finished < runs) {
    watch();
    await after(20);
  }
  watch();
  const seconds = Math.round((performance.now() - begin) / 1_000);
  const end = await eventually("everything to have served its time", 60_000 + 3 * options.keepMs, async () => {
    await after(250);
    const now = sample();
    return leftRows(now).length === 0 && now.listed === runs ? now : null;
  }).catch((error: unknown) => {
    say(`${(error as Error).message} ${leftRows(sample()).join(", ")}`);
    return sample();
  });
  return { samples, end, seconds };
}

/** Tables that should be empty once nothing is under way and every run has served its time, with their rows. */
export function leftRows({ rows }: Sample): string[] {
  return Object.entries(rows).flatMap(([table, count]) =>
    KEPT.has(table) || count === 0 ? [] : [`${table}: ${count}`],
  );
}

/** Sentences about what grew with the number of runs. */
export function growthOf({ samples, end }: HousekeepingReport, atMost: number): string[] {
  const half = Math.floor(samples.length / 2);
  const peak = (list: readonly Sample[], of: (one: Sample) => number): number => Math.max(...list.map(of));
  const faults = leftRows(end).map((text) => `left over: ${text}`);
  for (const { rows, recent } of samples) {
    const most = recent + AHEAD + BATCH;
    if ((rows["runs"] ?? 0) > most) {
      faults.push(`the Dispatcher holds ${rows["runs"]} runs, ${most} may still be kept`);
    }
  }
  const measures: readonly [string, (one: Sample) => number][] = [
    ["rows of the outbox", ({ rows }) => 2_000 + (rows["outbox"] ?? 0)],
    ["bytes of the Dispatcher for each run in it", ({ usedBytes, rows }) => usedBytes / ((rows["runs"] ?? 0) + BATCH)],
    ["bytes of memory", ({ memory }) => memory],
    ["log rooms", ({ rooms }) => 10 + rooms],
  ];
  for (const [what, of] of measures) {
    const [early, late] = [peak(samples.slice(0, half), of), peak(samples.slice(half), of)];
    if (late > early * atMost) {
      faults.push(`${what}: at most ${early} in the first half, ${late} in the second`);
    }
  }
  return faults;
}
