/** Many jobs in a row through one runner on real Docker, and what they leave behind. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { containersBeyond } from "../leftovers.ts";
import { startPlane, type Plane } from "../plane.ts";
import { childrenOf } from "../processes.ts";
import { startRunner, type RunnerProcess } from "../runner-process.ts";
import { eventually } from "../wait.ts";

export interface SoakOptions {
  readonly jobs: number;
  /** Jobs at the same time, and most containers that wait. */
  readonly capacity: number;
  readonly warm: number;
  readonly script: string;
  /** Every other job runs in a container that serves several. */
  readonly withReuse: boolean;
  /** All of them at the same moment, and one measurement at the end. */
  readonly atOnce?: boolean;
  readonly withinMs: number;
  readonly say: (line: string) => void;
}

/** What a runner and its sidecar hold when nothing is to do. */
export interface Holding {
  /** Open files and sockets of both. */
  readonly descriptors: number;
  /** Resident memory of both, in MiB. */
  readonly memoryMb: number;
  readonly sockets: number;
  readonly spools: number;
  /** Containers that are neither a job's nor one of those that may wait. */
  readonly containers: readonly string[];
}

export interface SoakReport {
  readonly failed: readonly string[];
  /** After the first tenth of the jobs, after half of them, and at the end. */
  readonly tenth: Holding;
  readonly half: Holding;
  readonly end: Holding;
  /** Containers left when the runner has gone. */
  readonly left: readonly string[];
}

export async function soakTrial(options: SoakOptions): Promise<SoakReport> {
  const { jobs, capacity, warm, say } = options;
  const plane = await startPlane();
  const runner = await startRunner(plane, { executor: "docker", capacity, warm });
  try {
    const events = [await makeEvent(plane, options, false), await makeEvent(plane, options, options.withReuse)];
    const failed: string[] = [];
    const holdings: Holding[] = [];
    let triggered = 0;
    for (const goal of options.atOnce === true ? [jobs] : [Math.ceil(jobs / 10), Math.ceil(jobs / 2), jobs]) {
      while (triggered < goal) {
        const count = Math.min(goal - triggered, Math.max(capacity, 50));
        failed.push(...(await runBatch(plane, events, count, options.withinMs)));
        triggered += count;
      }
      holdings.push(await atRest(runner, warm));
      say(`${triggered} jobs: ${JSON.stringify(holdings.at(-1))}`);
    }
    const [tenth, half = tenth, end = half] = holdings;
    if (tenth === undefined || half === undefined || end === undefined) {
      throw new Error("The trial has measured nothing.");
    }
    await runner.drain();
    return { failed, tenth, half, end, left: await containersBeyond(runner.dataDir, 0) };
  } finally {
    await runner.stop();
    await plane.stop();
  }
}

/** What has grown; `factor` is how much more memory the end may take than the half. */
export function growthOf({ failed, half, end, left }: SoakReport, factor: number): string[] {
  const faults = [...failed, ...left.map((name) => `left behind: ${name}`)];
  if (end.descriptors > half.descriptors + 8) {
    faults.push(`descriptors grew from ${half.descriptors} to ${end.descriptors}`);
  }
  if (end.memoryMb > half.memoryMb * factor) {
    faults.push(`memory grew from ${half.memoryMb} to ${end.memoryMb} MiB`);
  }
  if (end.sockets > half.sockets + 2 || end.spools > 0 || end.containers.length > 0) {
    faults.push(`at rest there are ${JSON.stringify(end)}`);
  }
  return faults;
}

async function makeEvent(plane: Plane, { script }: SoakOptions, reuse: boolean): Promise<string> {
  const { status, body } = await plane.call("POST", "/events", {
    name: `soak ${reuse ? "in a shared container" : "in a container each"} ${Math.random()}`,
    kind: "script",
    runtime: "bash",
    script,
    memoryMb: 64,
    ...(reuse ? { container: { reuse: true } } : {}),
  });
  if (status !== 201) {
    throw new Error(`The event was not made: ${JSON.stringify(body)}`);
  }
  return body.id as string;
}

/** Sentences about runs that did not succeed. */
async function runBatch(plane: Plane, events: readonly string[], count: number, withinMs: number): Promise<string[]> {
  const ids = (
    await Promise.all(
      events.map(async (event, index) => {
        const share = Math.floor((count + index) / events.length);
        if (share === 0) {
          return [];
        }
        const runs = Array.from({ length: share }, () => ({}));
        const { body } = await plane.call("POST", `/events/${event}/runs/batch`, { runs });
        return (body.items as { runId: string }[]).map(({ runId }) => runId);
      }),
    )
  ).flat();
  const failed: string[] = [];
  for (const id of ids) {
    const run = await eventually(`run ${id} to end`, withinMs, async () => {
      const { body } = await plane.call("GET", `/runs/${id}`);
      return body.finishedAt === null || body.logState === "open" ? null : body;
    });
    if (run.state !== "succeeded") {
      failed.push(`${id} ended as ${run.state}: ${run.failReason}: ${run.message}`);
    }
  }
  return failed;
}

async function atRest(runner: RunnerProcess, warm: number): Promise<Holding> {
  // Containers of reuse are kept for a minute; both kinds together are twice what may wait.
  const look = async (): Promise<Holding> => holding(runner, await containersBeyond(runner.dataDir, 2 * warm));
  let last = await look();
  await eventually("nothing to be left to do", 120_000, async () => {
    last = await look();
    return last.spools === 0 && last.containers.length === 0;
  }).catch(() => {});
  return last;
}

function holding(runner: RunnerProcess, containers: readonly string[]): Holding {
  const pids = [runner.pid(), ...childrenOf(runner.pid(), "sidecar")];
  const sum = (of: (pid: number) => number): number => pids.reduce((all, pid) => all + of(pid), 0);
  return {
    descriptors: sum((pid) => readdirSync(`/proc/${pid}/fd`).length),
    memoryMb: Math.round(
      sum((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])) / 1_024,
    ),
    sockets: readdirSync(join(runner.dataDir, "sockets")).length,
    spools: readdirSync(join(runner.dataDir, "spool")).length,
    containers,
  };
}
