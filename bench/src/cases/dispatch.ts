/**
 * `dispatch`: enqueue → a runner holds the job, durable before the acknowledgement; a backlog of 10,000; whole job
 * cycles a second; and the same dispatch while 100,000 other runs wait.
 */
import { connectBenchRunner, type BenchRunner } from "../bench-runner.ts";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { startPlane, type Plane } from "../plane.ts";
import { startGraphile, type Graphile } from "../reference/graphile.ts";
import { startPostgres } from "../reference/postgres.ts";
import { meetsGoal } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil } from "../wait.ts";

const PER_ROUND = 100;
const BACKLOG = 10_000;
/** Drains for the rate of cycles, of which the median counts. */
const DRAINS = 3;
const CYCLES_GOAL = 3_000;
const QUEUED = 100_000;
/** Most that one request of the API takes. */
const BATCH = 1_000;
const CLIENTS = 16;
const SLOTS = 200;
const GRAPHILE_CONCURRENCY = 24;

export const dispatch: Benchmark = async ({ rounds, progress }) => {
  const postgres = await startPostgres();
  const graphile = await startGraphile(postgres);
  const plane = await startPlane({ runner: false });
  try {
    const event = await plane.call("POST", "/events", {
      name: "dispatch",
      kind: "script",
      runtime: "bash",
      script: "true",
    });
    const runner = await connectBenchRunner(plane, SLOTS);
    const latency = await measureLatency(plane, runner, graphile, event.id, rounds, progress);
    runner.close();
    const backlog = await measureBacklog(plane, graphile, event.id, progress);
    const cycles = await measureCycles(plane, event.id, backlog, progress);
    const crowded = await measureCrowded(plane, event.id, rounds, progress);
    return {
      cases: [
        {
          case: "enqueue → runner holds the job",
          unit: "ms",
          ours: figuresOf(latency.ours),
          reference: { name: "graphile-worker", version: graphile.version, ...figuresOf(latency.theirs) },
          ratio: latency.ratio,
          goal: "<= 1.5",
          pass: meetsGoal(latency.ratio, "<= 1.5"),
        },
        {
          case: `backlog of ${BACKLOG}`,
          unit: "jobs/s",
          ours: figuresOf([backlog.ours]),
          reference: { name: "graphile-worker", version: graphile.version, ...figuresOf([backlog.theirs]) },
          ratio: backlog.ours / backlog.theirs,
          goal: ">= 0.5",
          pass: meetsGoal(backlog.ours / backlog.theirs, ">= 0.5"),
        },
        {
          case: "durable job cycles of one Dispatcher",
          unit: "jobs/s",
          ours: figuresOf(cycles.rates),
          reference: { name: "the goal itself", version: "", ...figuresOf([CYCLES_GOAL]) },
          ratio: median(cycles.rates) / CYCLES_GOAL,
          goal: ">= 1",
          pass: meetsGoal(median(cycles.rates) / CYCLES_GOAL, ">= 1"),
        },
        {
          case: `enqueue → runner holds the job, ${QUEUED} others queued`,
          unit: "ms",
          ours: figuresOf(crowded.full),
          reference: { name: "the same with an empty queue", version: "", ...figuresOf(crowded.empty) },
          ratio: crowded.ratio,
          goal: "<= 1.2",
          pass: meetsGoal(crowded.ratio, "<= 1.2"),
        },
      ],
      gates: {
        ...noGateBroken,
        lost: backlog.lost + cycles.lost,
        duplicated: latency.duplicated + backlog.duplicated + cycles.duplicated,
      },
      notes: [
        `${PER_ROUND} single jobs of each kind per round, interleaved; the backlog was added by ${CLIENTS} clients over HTTP at ${backlog.enqueueRate.toFixed(0)} runs/s and drained once, ours with ${SLOTS} slots, theirs with concurrency ${GRAPHILE_CONCURRENCY}.`,
        "Our time includes the HTTP request and its authentication; graphile-worker adds its job over an open database connection.",
        `A cycle is offer, accept, grant, start, result and end of a queued run, each durable before it is answered; median of ${DRAINS} backlogs of ${BACKLOG}, with their way into the lists beside them.`,
        `The ${QUEUED} queued runs wait for a label that nobody has, on a second installation; both take turns, ${PER_ROUND} jobs each per round.`,
      ],
    };
  } finally {
    await plane.stop();
    await graphile.stop();
    await postgres.stop();
  }
};

/** Milliseconds from the request to the job at the runner. */
async function dispatchOnce(plane: Plane, runner: BenchRunner, eventId: string): Promise<number> {
  const begin = performance.now();
  const { runId } = await plane.call("POST", `/events/${eventId}/runs`, { input: null });
  return (await runner.jobArrival(runId)) - begin;
}

async function measureLatency(
  plane: Plane,
  runner: BenchRunner,
  graphile: Graphile,
  eventId: string,
  rounds: number,
  progress: (line: string) => void,
) {
  const once = (): Promise<number> => dispatchOnce(plane, runner, eventId);
  for (let i = 0; i < 20; i += 1) {
    await once();
    await graphile.addToHandler(`warm-${i}`);
  }
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    progress(`dispatch round ${round} of ${rounds}`);
    const mine: number[] = [];
    const other: number[] = [];
    for (let i = 0; i < PER_ROUND; i += 1) {
      mine.push(await once());
      other.push(await graphile.addToHandler(`r${round}-${i}`));
    }
    ratios.push(median(mine) / median(other));
    ours.push(...mine);
    theirs.push(...other);
  }
  return { ours, theirs, ratio: median(ratios), duplicated: repeats(runner) };
}

async function measureBacklog(plane: Plane, graphile: Graphile, eventId: string, progress: (line: string) => void) {
  progress(`dispatch: a backlog of ${BACKLOG} on graphile-worker`);
  const theirs = await graphile.drainBacklog(BACKLOG, GRAPHILE_CONCURRENCY);
  progress(`dispatch: adding a backlog of ${BACKLOG}`);
  const accepted: string[] = [];
  let next = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (next < BACKLOG) {
        next += 1;
        accepted.push((await plane.call("POST", `/events/${eventId}/runs`, { input: null })).runId);
      }
    }),
  );
  const enqueueRate = BACKLOG / ((performance.now() - begin) / 1_000);
  progress(`dispatch: draining a backlog of ${BACKLOG}`);
  const { rate: ours, lost, duplicated } = await drain(plane, accepted);
  return { ours, theirs, enqueueRate, lost, duplicated };
}

/** Jobs per second until all of these runs have ended, from a runner's connect on. */
async function drain(plane: Plane, runIds: readonly string[]) {
  const started = performance.now();
  const runner = await connectBenchRunner(plane, SLOTS);
  await waitUntil("the backlog to drain", 300_000, () => runner.finished.size >= runIds.length);
  const rate = runIds.length / ((performance.now() - started) / 1_000);
  const lost = runIds.filter((runId) => !runner.finished.has(runId)).length;
  runner.close();
  return { rate, lost, duplicated: repeats(runner) + runIds.length - new Set(runIds).size };
}

/** The drain of the backlog is the first of them. */
async function measureCycles(
  plane: Plane,
  eventId: string,
  first: { readonly ours: number },
  progress: (line: string) => void,
) {
  const rates = [first.ours];
  let lost = 0;
  let duplicated = 0;
  for (let i = 2; i <= DRAINS; i += 1) {
    progress(`dispatch: backlog ${i} of ${DRAINS}`);
    const drained = await drain(plane, await addMany(plane, eventId, BACKLOG));
    rates.push(drained.rate);
    lost += drained.lost;
    duplicated += drained.duplicated;
  }
  return { rates, lost, duplicated };
}

async function addMany(plane: Plane, eventId: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const runs = Array.from({ length: BATCH }, () => ({ input: null }));
    const { items } = await plane.call("POST", `/events/${eventId}/runs/batch`, { runs });
    ids.push(...items.map((item: { runId: string }) => item.runId));
  }
  return ids;
}

async function measureCrowded(plane: Plane, eventId: string, rounds: number, progress: (line: string) => void) {
  progress(`dispatch: queueing ${QUEUED} runs`);
  const other = await startPlane({ runner: false });
  try {
    const script = { kind: "script", runtime: "bash", script: "true" };
    const stuck = await other.call("POST", "/events", { name: "stuck", ...script, labels: { nobody: "has" } });
    const event = await other.call("POST", "/events", { name: "dispatch", ...script });
    await addMany(other, stuck.id, QUEUED);
    await waitUntil("most of them to be in the lists", 300_000, async () => {
      const { text } = await other.http.request("GET", "/metrics");
      const rows = Number(/^cronium_outbox_rows\{[^}]*\} (\d+)$/m.exec(text)?.[1]);
      return rows < BATCH;
    });
    const [here, there] = [await connectBenchRunner(plane, SLOTS), await connectBenchRunner(other, SLOTS)];
    const empty: number[] = [];
    const full: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const [mine, theirs]: [number[], number[]] = [[], []];
      for (let i = 0; i < PER_ROUND; i += 1) {
        theirs.push(await dispatchOnce(plane, here, eventId));
        mine.push(await dispatchOnce(other, there, event.id));
      }
      // The first warms both up.
      if (round > 0) {
        progress(`dispatch beside ${QUEUED} queued runs, round ${round} of ${rounds}`);
        ratios.push(median(mine) / median(theirs));
        full.push(...mine);
        empty.push(...theirs);
      }
    }
    here.close();
    there.close();
    return { empty, full, ratio: median(ratios) };
  } finally {
    await other.stop();
  }
}

/** Attempts that were offered more than once. */
function repeats(runner: BenchRunner): number {
  return [...runner.offered.values()].filter((times) => times > 1).length;
}
