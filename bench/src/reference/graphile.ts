/** graphile-worker on PostgreSQL: the fastest well-known job queue that is durable before it acknowledges. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Logger, makeWorkerUtils, run, type Runner, type WorkerUtils } from "graphile-worker";
import pg from "pg";
import type { Postgres } from "./postgres.ts";

export interface Graphile {
  readonly version: string;
  /** Milliseconds from adding a job to its handler being called. */
  addToHandler(id: string): Promise<number>;
  /** Adds `count` jobs while no worker runs, then measures jobs per second until all have run. */
  drainBacklog(count: number, concurrency: number): Promise<number>;
  /** The same with jobs that each start `bash -c "echo hi"` and wait for its end. */
  drainScripts(count: number, concurrency: number): Promise<number>;
  stop(): Promise<void>;
}

export async function startGraphile(postgres: Postgres): Promise<Graphile> {
  const pool = new pg.Pool({ connectionString: postgres.connectionString, max: 20 });
  pool.on("error", (error) => process.stderr.write(`PostgreSQL dropped an idle connection: ${error.message}\n`));
  pool.on("connect", (client) => client.on("error", () => undefined));
  const logger = new Logger(() => () => undefined);
  const utils: WorkerUtils = await makeWorkerUtils({ pgPool: pool, logger });
  await utils.migrate();
  const arrived = new Map<string, (at: number) => void>();
  const work = (concurrency: number, onJob: () => void): Promise<Runner> =>
    run({
      pgPool: pool,
      concurrency,
      noHandleSignals: true,
      logger,
      taskList: {
        noop: (payload) => {
          const at = performance.now();
          arrived.get((payload as { id: string }).id)?.(at);
          onJob();
        },
        script: async () => {
          await bash("echo hi");
          onJob();
        },
      },
    });
  let worker: Runner | null = await work(2, () => undefined);
  const drain = async (task: "noop" | "script", count: number, concurrency: number): Promise<number> => {
    await worker?.stop();
    for (let added = 0; added < count; added += 1_000) {
      await utils.addJobs(
        Array.from({ length: Math.min(1_000, count - added) }, (_, i) => ({
          identifier: task,
          payload: { id: `b${added + i}` },
        })),
      );
    }
    let left = count;
    let finish = (): void => undefined;
    const drained = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const begin = performance.now();
    worker = await work(concurrency, () => {
      left -= 1;
      if (left === 0) {
        finish();
      }
    });
    await drained;
    const seconds = (performance.now() - begin) / 1_000;
    await worker.stop();
    worker = await work(2, () => undefined);
    return count / seconds;
  };
  return {
    version: `${installedVersion()} (PostgreSQL ${postgres.version})`,
    addToHandler: async (id) => {
      const handled = new Promise<number>((resolve) => arrived.set(id, resolve));
      const begin = performance.now();
      await utils.addJob("noop", { id });
      const at = await handled;
      arrived.delete(id);
      return at - begin;
    },
    drainBacklog: (count, concurrency) => drain("noop", count, concurrency),
    drainScripts: (count, concurrency) => drain("script", count, concurrency),
    stop: async () => {
      await worker?.stop();
      await utils.release();
      await pool.end();
    },
  };
}

/** The package does not export its own manifest, so it is read beside its entry. */
function installedVersion(): string {
  const entry = createRequire(import.meta.url).resolve("graphile-worker");
  const manifest = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

function bash(script: string): Promise<void> {
  const child = spawn("bash", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.resume();
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`bash ended with ${code}.`))));
  });
}
