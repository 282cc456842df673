/**
 * `noop-1000` and `burst-100`: scripts that only print a line, each in a container of its own, against the containers
 * alone. How many of them a machine starts and removes in a second is Docker's ceiling; what is measured is how much of
 * it is left when every one has a trigger, a durable result and a stored log.
 */
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { watchWorkspace } from "../live.ts";
import { startPlane, type Plane } from "../plane.ts";
import { docker, lifeCycle } from "../reference/docker.ts";
import { meetsGoal } from "../report.ts";
import { figuresOf, median } from "../samples.ts";

const COMMAND = ["bash", "-c", "echo hi"];
/** Of each batch, how many logs are read back. */
const LOGS_READ = 20;

interface Batch {
  readonly perSecond: number;
  /** Runs that did not succeed, or whose log is not what they printed. */
  readonly lost: number;
}

export const noop1000: Benchmark = ({ rounds, progress }) =>
  compare({
    name: "noop-1000",
    what: "1,000 scripts, a fresh container each",
    rounds,
    each: Math.ceil(1_000 / rounds),
    bareEach: Math.ceil(500 / rounds),
    goal: ">= 0.95",
    trigger: async (plane, eventId, count) => {
      const { items } = await plane.call("POST", `/events/${eventId}/runs/batch`, {
        runs: Array.from({ length: count }, () => ({})),
      });
      return items.map((item: { runId: string }) => item.runId);
    },
    note: "Triggered in one request per round. Reuse of containers inside a trust boundary does not exist yet and is left out.",
    progress,
  });

export const burst100: Benchmark = ({ rounds, progress }) =>
  compare({
    name: "burst-100",
    what: "100 triggers at once → all have ended",
    rounds: Math.min(rounds, 3),
    each: 100,
    bareEach: 100,
    goal: ">= 0.9",
    trigger: (plane, eventId, count) =>
      Promise.all(
        Array.from({ length: count }, async () => (await plane.call("POST", `/events/${eventId}/runs`, {})).runId),
      ),
    note: "100 requests at the same time per round, at most 3 rounds; there is no pool of started containers yet, so the ceiling is that of whole life cycles.",
    progress,
  });

async function compare(options: {
  readonly name: string;
  readonly what: string;
  readonly rounds: number;
  /** Runs per round, and bare containers, whose rate needs fewer. */
  readonly each: number;
  readonly bareEach: number;
  readonly goal: `>= ${number}`;
  readonly trigger: (plane: Plane, eventId: string, count: number) => Promise<string[]>;
  readonly note: string;
  readonly progress: (line: string) => void;
}): ReturnType<Benchmark> {
  const { name, rounds, each, bareEach, goal, progress } = options;
  const image = imageOf("bash");
  const { Version: version } = await docker.version();
  const plane = await startPlane({ runner: true });
  try {
    const slots = await slotsOf(plane);
    const event = await plane.call("POST", "/events", { name, kind: "script", runtime: "bash", script: "echo hi" });
    await ours(plane, () => options.trigger(plane, event.id, slots));
    const mine: Batch[] = [];
    const bare: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      progress(`${name} round ${round} of ${rounds}: ${each} runs, ${bareEach} bare containers`);
      mine.push(await ours(plane, () => options.trigger(plane, event.id, each)));
      bare.push(await ceiling(image, bareEach, slots));
    }
    const ratio = median(mine.map(({ perSecond }, i) => perSecond / (bare[i] ?? Number.NaN)));
    return {
      cases: [
        {
          case: options.what,
          unit: "jobs/s",
          ours: figuresOf(mine.map(({ perSecond }) => perSecond)),
          reference: {
            name: `bare dockerode create, start, wait, remove, ${slots} at a time`,
            version,
            ...figuresOf(bare),
          },
          ratio,
          goal,
          pass: meetsGoal(ratio, goal),
        },
      ],
      gates: { ...noGateBroken, lost: mine.reduce((sum, batch) => sum + batch.lost, 0) },
      notes: [
        `${rounds * each} runs and ${rounds * bareEach} bare containers; every run must succeed, and ${LOGS_READ} logs per round are read back.`,
        options.note,
      ],
    };
  } finally {
    await plane.stop();
  }
}

async function slotsOf(plane: Plane): Promise<number> {
  const { items } = await plane.call("GET", "/runners");
  return items[0].slots;
}

async function ours(plane: Plane, trigger: () => Promise<string[]>): Promise<Batch> {
  const workspace = await watchWorkspace(plane);
  try {
    const begin = performance.now();
    const ids = await trigger();
    const ended = await Promise.all(ids.map((id) => workspace.end(id)));
    const seconds = (performance.now() - begin) / 1_000;
    const failed = ended.filter((state) => state !== "succeeded").length + ids.length - new Set(ids).size;
    const logs = await Promise.all(
      ids.slice(0, LOGS_READ).map((id) => plane.http.request("GET", `/api/v1/runs/${id}/logs`)),
    );
    return { perSecond: ids.length / seconds, lost: failed + logs.filter(({ text }) => text !== "hi\n").length };
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
