/** `dispatch`: enqueue → a runner holds the job, durable before the acknowledgement; and a backlog of 10,000. */
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
      ],
      gates: { ...noGateBroken, lost: backlog.lost, duplicated: latency.duplicated + backlog.duplicated },
      notes: [
        `${PER_ROUND} single jobs of each kind per round, interleaved; the backlog was added by ${CLIENTS} clients over HTTP at ${backlog.enqueueRate.toFixed(0)} runs/s and drained once, ours with ${SLOTS} slots, theirs with concurrency ${GRAPHILE_CONCURRENCY}.`,
        "Our time includes the HTTP request and its authentication; graphile-worker adds its job over an open database connection.",
      ],
    };
  } finally {
    await plane.stop();
    await graphile.stop();
    await postgres.stop();
  }
};

async function measureLatency(
  plane: Plane,
  runner: BenchRunner,
  graphile: Graphile,
  eventId: string,
  rounds: number,
  progress: (line: string) => void,
) {
  const once = async (): Promise<number> => {
    const begin = performance.now();
    const { runId } = await plane.call("POST", `/events/${eventId}/runs`, { input: null });
    return (await runner.jobArrival(runId)) - begin;
  };
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
  const started = performance.now();
  const runner = await connectBenchRunner(plane, SLOTS);
  await waitUntil("the backlog to drain", 300_000, () => runner.finished.size >= BACKLOG);
  const ours = BACKLOG / ((performance.now() - started) / 1_000);
  const lost = accepted.filter((runId) => !runner.finished.has(runId)).length;
  runner.close();
  return { ours, theirs, enqueueRate, lost, duplicated: repeats(runner) + accepted.length - new Set(accepted).size };
}

/** Attempts that were offered more than once. */
function repeats(runner: BenchRunner): number {
  return [...runner.offered.values()].filter((times) => times > 1).length;
}
