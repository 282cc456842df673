/** graphile-worker on PostgreSQL: the fastest well-known job queue that is durable before it acknowledges. */
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
      },
    });
  let worker: Runner | null = await work(2, () => undefined);
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
    drainBacklog: async (count, concurrency) => {
      await worker?.stop();
      for (let added = 0; added < count; added += 1_000) {
        await utils.addJobs(
          Array.from({ length: Math.min(1_000, count - added) }, (_, i) => ({
            identifier: "noop",
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
    },
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
