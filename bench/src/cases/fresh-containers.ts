/**
 * `noop-1000` and `burst-100`: scripts that only print a line. In a container each, beside the containers alone: how
 * many of them a machine starts and removes in a second is Docker's ceiling, and what is measured is how much of it is
 * left when every one has a trigger, a durable result and a stored log. In containers that serve one run after the other
 * (`reuse`), beside a job queue that starts a process for each. And a burst that finds as many containers waiting.
 */
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { watchWorkspace } from "../live.ts";
import { startOwnRunner, type OwnRunner } from "../own-runner.ts";
import { startPlane, type Plane } from "../plane.ts";
import { docker, lifeCycle } from "../reference/docker.ts";
import { startGraphile } from "../reference/graphile.ts";
import { startPostgres } from "../reference/postgres.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { triggerToFirstLine } from "../trigger.ts";

const COMMAND = ["bash", "-c", "echo hi"];
/** Of each batch, how many logs are read back. */
const LOGS_READ = 20;
const REUSED = 8;
const SEQUENTIAL = 10;

interface Batch {
  readonly perSecond: number;
  readonly ms: number;
  /** Runs that did not succeed, or whose log is not what they printed. */
  readonly lost: number;
}

type Trigger = (plane: Plane, eventId: string, count: number) => Promise<string[]>;

const inOneRequest: Trigger = async (plane, eventId, count) => {
  const { items } = await plane.call("POST", `/events/${eventId}/runs/batch`, {
    runs: Array.from({ length: count }, () => ({})),
  });
  return items.map((item: { runId: string }) => item.runId);
};

const atOnce: Trigger = (plane, eventId, count) =>
  Promise.all(
    Array.from({ length: count }, async () => (await plane.call("POST", `/events/${eventId}/runs`, {})).runId),
  );

export const noop1000: Benchmark = async ({ rounds, progress }) => {
  const each = Math.ceil(1_000 / rounds);
  const plane = await startPlane({ runner: false });
  const postgres = await startPostgres();
  const graphile = await startGraphile(postgres);
  try {
    const fresh = await freshRounds(plane, {
      name: "noop-1000",
      what: "1,000 scripts, a fresh container each",
      slots: 2,
      parallel: [2],
      each,
      bareEach: Math.ceil(500 / rounds),
      rounds,
      goal: ">= 0.95",
      trigger: inOneRequest,
      progress,
    });
    const event = await eventFor(plane, "noop-1000-reuse", { reuse: true });
    const mine: Batch[] = [];
    const theirs: number[] = [];
    await withRunner(plane, REUSED, async () => {
      await batch(plane, () => inOneRequest(plane, event, REUSED * 4));
      for (let round = 1; round <= rounds; round += 1) {
        progress(`noop-1000 with reuse, round ${round} of ${rounds}: ${each} runs and as many processes`);
        mine.push(await batch(plane, () => inOneRequest(plane, event, each)));
        theirs.push(await graphile.drainScripts(each, REUSED));
      }
    });
    const ratio = median(mine.map(({ perSecond }, i) => perSecond / (theirs[i] ?? Number.NaN)));
    const reused: Case = {
      case: "1,000 scripts, containers that serve one after the other",
      unit: "jobs/s",
      ours: figuresOf(mine.map(({ perSecond }) => perSecond)),
      reference: {
        name: `graphile-worker and a bash process each, ${REUSED} at a time`,
        version: graphile.version,
        ...figuresOf(theirs),
      },
      ratio,
      goal: ">= 0.6",
      pass: meetsGoal(ratio, ">= 0.6"),
    };
    return {
      cases: [reused, fresh.entry],
      gates: { ...noGateBroken, lost: fresh.lost + mine.reduce((sum, { lost }) => sum + lost, 0) },
      notes: [
        `Triggered in one request per round of ${each}; every run must succeed, and ${LOGS_READ} logs per round are read back.`,
        "With reuse each run has its own log, stored and delivered, and its own clean-up of files and processes; the reference keeps no output.",
      ],
    };
  } finally {
    await graphile.stop();
    await postgres.stop();
    await plane.stop();
  }
};

export const burst100: Benchmark = async (options) => {
  const { progress } = options;
  const rounds = Math.min(options.rounds, 3);
  const plane = await startPlane({ runner: false });
  try {
    const few = await freshRounds(plane, {
      name: "burst-100",
      what: "100 triggers at once → all have ended, 20 containers wait",
      slots: 20,
      parallel: [2, 20],
      each: 100,
      bareEach: 50,
      rounds,
      goal: ">= 0.9",
      trigger: atOnce,
      progress,
    });
    const event = await eventFor(plane, "burst-100-warm", {});
    const bursts: Batch[] = [];
    const sequential: number[] = [];
    await withRunner(plane, 100, async (runner) => {
      await batch(plane, () => atOnce(plane, event, 100));
      for (let round = 1; round <= rounds; round += 1) {
        progress(`burst-100 with 100 waiting, round ${round} of ${rounds}`);
        for (let i = 0; i < SEQUENTIAL; i += 1) {
          await runner.waiting(90);
          sequential.push((await triggerToFirstLine(plane, event)) ?? Number.NaN);
        }
        await runner.waiting(100);
        bursts.push(await batch(plane, () => atOnce(plane, event, 100)));
      }
    });
    const hundred = sequential.map((ms) => ms * 100);
    const ratio = median(bursts.map(({ ms }) => ms)) / median(hundred);
    const warm: Case = {
      case: "100 triggers at once → all have ended, 100 containers wait",
      unit: "ms",
      ours: figuresOf(bursts.map(({ ms }) => ms)),
      reference: { name: "100 times one warm start to its first line", version: "", ...figuresOf(hundred) },
      ratio,
      goal: "<= 3",
      pass: meetsGoal(ratio, "<= 3"),
    };
    return {
      cases: [warm, few.entry],
      gates: { ...noGateBroken, lost: few.lost + bursts.reduce((sum, { lost }) => sum + lost, 0) },
      notes: [
        "100 requests at the same time per round, at most 3 rounds; every run must succeed.",
        "The ceiling is the better of the same containers 2 and 20 at a time.",
      ],
    };
  } finally {
    await plane.stop();
  }
};

interface FreshOptions {
  readonly name: string;
  readonly what: string;
  /** Jobs at a time, and containers that wait. */
  readonly slots: number;
  /** How many bare containers at a time; the best rate counts. */
  readonly parallel: readonly number[];
  /** Runs per round, and bare containers, whose rate needs fewer. */
  readonly each: number;
  readonly bareEach: number;
  readonly rounds: number;
  readonly goal: `>= ${number}`;
  readonly trigger: Trigger;
  readonly progress: (line: string) => void;
}

async function freshRounds(
  plane: Plane,
  options: FreshOptions,
): Promise<{ readonly entry: Case; readonly lost: number }> {
  const { name, slots, each, bareEach, rounds, goal, progress } = options;
  const image = imageOf("bash");
  const { Version: version } = await docker.version();
  const event = await eventFor(plane, name, {});
  const mine: Batch[] = [];
  const bare: number[] = [];
  await withRunner(plane, slots, async (runner) => {
    await batch(plane, () => options.trigger(plane, event, slots));
    for (let round = 1; round <= rounds; round += 1) {
      progress(`${name} round ${round} of ${rounds}: ${each} runs, ${bareEach} bare containers`);
      await runner.waiting(slots);
      mine.push(await batch(plane, () => options.trigger(plane, event, each)));
      await runner.waiting(slots);
      const rates: number[] = [];
      for (const parallel of options.parallel) {
        rates.push(await ceiling(image, bareEach, parallel));
      }
      bare.push(Math.max(...rates));
    }
  });
  const ratio = median(mine.map(({ perSecond }, i) => perSecond / (bare[i] ?? Number.NaN)));
  const entry: Case = {
    case: options.what,
    unit: "jobs/s",
    ours: figuresOf(mine.map(({ perSecond }) => perSecond)),
    reference: {
      name: `bare dockerode create, start, wait, remove, ${options.parallel.join(" or ")} at a time`,
      version,
      ...figuresOf(bare),
    },
    ratio,
    goal,
    pass: meetsGoal(ratio, goal),
  };
  return { entry, lost: mine.reduce((sum, { lost }) => sum + lost, 0) };
}

async function eventFor(plane: Plane, name: string, container: Record<string, unknown>): Promise<string> {
  const script = { kind: "script", runtime: "bash", script: "echo hi" };
  return (await plane.call("POST", "/events", { name, ...script, container })).id;
}

async function withRunner(plane: Plane, slots: number, work: (runner: OwnRunner) => Promise<void>): Promise<void> {
  const runner = await startOwnRunner(plane, { capacity: slots, warm: slots });
  try {
    await work(runner);
  } finally {
    await runner.stop();
  }
}

async function batch(plane: Plane, trigger: () => Promise<string[]>): Promise<Batch> {
  const workspace = await watchWorkspace(plane);
  try {
    const begin = performance.now();
    const ids = await trigger();
    const ended = await Promise.all(ids.map((id) => workspace.end(id)));
    const ms = performance.now() - begin;
    const failed = ended.filter((state) => state !== "succeeded").length + ids.length - new Set(ids).size;
    const logs = await Promise.all(
      ids.slice(0, LOGS_READ).map((id) => plane.http.request("GET", `/api/v1/runs/${id}/logs`)),
    );
    return {
      perSecond: (ids.length / ms) * 1_000,
      ms,
      lost: failed + logs.filter(({ text }) => text !== "hi\n").length,
    };
  } finally {
    workspace.close();
  }
}

async function ceiling(image: string, count: number, parallel: number): Promise<number> {
  let next = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < count) {
        next += 1;
        await lifeCycle(image, COMMAND);
      }
    }),
  );
  return count / ((performance.now() - begin) / 1_000);
}
