/** One trial: runs come in, processes die, everything comes to rest, and the count is taken. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containersBeyond } from "../leftovers.ts";
import { startPlane, type Plane } from "../plane.ts";
import { startRunner, type RunnerProcess } from "../runner-process.ts";
import { eventually } from "../wait.ts";
import { type Audit, audit, unsettled } from "./audit.ts";
import { type Kills, killAll } from "./kills.ts";
import { type Acknowledged, load } from "./load.ts";

/** Long enough that a process which is killed and started again keeps its jobs, short enough for one that is late. */
const LEASES = { SHORT_LEASES: "yes", LEASE_MS: "15000", RENEW_MS: "1000", OFFER_TIMEOUT_MS: "5000" };
const CAPACITY = 6;
const DOCKER_CAPACITY = 4;
const DOCKER_LINES = 15;

export interface CrashOptions {
  readonly runs: number;
  readonly kills: number;
  readonly dockerRuns: number;
  readonly everyMs: number;
  /** For the whole trial, without starting and stopping the programs. */
  readonly withinMs: number;
  readonly say: (line: string) => void;
  /** Ends the trial early: everything that was started is stopped, and it rejects. */
  readonly signal?: AbortSignal;
}

export interface CrashReport extends Audit {
  readonly kills: Kills;
  /** Triggers that had to be repeated. */
  readonly repeatedTriggers: number;
  /** Sentences about logs of Docker runs that are not what the job printed. */
  readonly logs: readonly string[];
  readonly orphans: readonly string[];
  readonly seconds: number;
}

export async function crashTrial(options: CrashOptions): Promise<CrashReport> {
  const { say, signal: interrupted = new AbortController().signal } = options;
  const folder = mkdtempSync(join(tmpdir(), "cronium-crash-"));
  const ledger = join(folder, "ledger");
  const plane = await startPlane(LEASES);
  const runners: RunnerProcess[] = [];
  let killing: Promise<Kills> | null = null;
  try {
    const start = async (executor: "docker" | "fake", capacity: number): Promise<void> => {
      const labels = [`docker=${executor === "docker" ? "yes" : "no"}`];
      runners.push(await startRunner(plane, { executor, capacity, labels, warm: capacity }));
    };
    for (let i = 0; i < 2; i += 1) {
      await start("fake", CAPACITY);
    }
    if (options.dockerRuns > 0) {
      await start("docker", DOCKER_CAPACITY);
    }
    const docker = runners.slice(2);
    const begin = performance.now();
    const over = AbortSignal.any([interrupted, AbortSignal.timeout(options.withinMs)]);
    say(`${options.runs} runs on 2 runners, ${options.dockerRuns} in containers, ${options.kills} kills`);
    killing = killAll({
      plane,
      runners,
      withSidecar: docker.length === 0 ? runners : docker,
      kills: options.kills,
      everyMs: options.everyMs,
      over,
      say,
    });
    const share = { plane, over, paceMs: paceOf(options) };
    const loads = [
      load({ ...share, eventId: await fakeEvent(plane, ledger), runs: options.runs, parallel: 8 }),
      ...(options.dockerRuns === 0
        ? []
        : [load({ ...share, eventId: await dockerEvent(plane), runs: options.dockerRuns, parallel: 2 })]),
    ];
    const [kills, ...triggered] = await Promise.all([killing, ...loads]);
    const acknowledged = triggered.flat();
    say(`all ${acknowledged.length} acknowledged after ${seconds(begin)} s, kills: ${JSON.stringify(kills)}`);
    await eventually("every run to end and the outbox to be empty", options.withinMs, () => {
      const { running, outbox } = unsettled(plane.dataDir);
      return (running === 0 && outbox === 0) || over.aborted;
    });
    if (over.aborted) {
      say(`Out of time: ${JSON.stringify(unsettled(plane.dataDir))}`);
    }
    interrupted.throwIfAborted();
    const [fakeRuns = [], dockerRuns = []] = triggered;
    return {
      ...audit(plane.dataDir, { acknowledged, withLedger: fakeRuns, ledger }),
      kills,
      repeatedTriggers: acknowledged.filter(({ repeats }) => repeats > 0).length,
      logs: await wrongLogs(plane, dockerRuns),
      orphans: await findOrphans(runners, docker),
      seconds: seconds(begin),
    };
  } finally {
    // What dies at this moment comes back first, or nobody would stop it.
    await killing?.catch(() => {});
    await Promise.all(runners.map((runner) => runner.stop()));
    await plane.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Spreads the triggers over the time that the kills take. */
function paceOf({ runs, kills, everyMs }: CrashOptions): number {
  return Math.min(1_000, (kills * everyMs * 8) / Math.max(1, runs));
}

async function fakeEvent(plane: Plane, ledger: string): Promise<string> {
  return makeEvent(plane, {
    name: "crash",
    runtime: "bash",
    script: "true",
    labels: { docker: "no" },
    env: { FAKE_SLEEP_MS: "250", FAKE_OUTPUT: "1", FAKE_LEDGER: ledger },
  });
}

async function dockerEvent(plane: Plane): Promise<string> {
  const script = [
    `for i in $(seq 1 ${DOCKER_LINES}); do echo "$CRONIUM_RUN_ID $i"; sleep 0.1; done`,
    "for try in $(seq 60); do cronium_output 1 && exit; sleep 0.5; done 2>/dev/null; exit 9",
  ].join("\n");
  return makeEvent(plane, { name: "crash in containers", runtime: "bash", script, labels: { docker: "yes" } });
}

async function makeEvent(plane: Plane, event: Readonly<Record<string, unknown>>): Promise<string> {
  return eventually("the event to be stored", 120_000, async () => {
    const answer = await plane.call("POST", "/events", { kind: "script", maxAttempts: 20, ...event }).catch(() => null);
    if (answer !== null && answer.status < 500 && answer.status !== 201) {
      throw new Error(`The event was refused: ${JSON.stringify(answer.body)}`);
    }
    return answer?.status === 201 ? (answer.body.id as string) : null;
  });
}

/** The log of a run in one attempt is what its job printed, byte for byte; earlier attempts may have left a part. */
async function wrongLogs(plane: Plane, runs: readonly Acknowledged[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const runId of runs.flatMap((run) => [...run.runIds])) {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    const text = (await plane.logOf(runId)).toString();
    const printed = Array.from({ length: DOCKER_LINES }, (_value, index) => `${runId} ${index + 1}\n`).join("");
    if (body.starts === 1 || body.attempts?.length === 1 ? text !== printed : !text.endsWith(printed)) {
      wrong.push(`${runId} (attempt ${body.attempt}): ${JSON.stringify(text.slice(0, 2_000))}`);
    }
  }
  return wrong;
}

async function findOrphans(runners: readonly RunnerProcess[], docker: readonly RunnerProcess[]): Promise<string[]> {
  const look = async (): Promise<string[]> => [
    ...runners.flatMap((runner) => runner.jobs().map((pid) => `process ${pid} of ${runner.name}`)),
    ...(await Promise.all(docker.map(({ dataDir }) => containersBeyond(dataDir, DOCKER_CAPACITY)))).flat(),
  ];
  await eventually("every job to be gone", 120_000, async () => (await look()).length === 0).catch(() => {});
  return look();
}

function seconds(begin: number): number {
  return Math.round((performance.now() - begin) / 100) / 10;
}
