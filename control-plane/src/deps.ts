/** What every request is handed: settings, effects, the database and the objects, and nothing global. */
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";
import { parseConfig, type Config } from "./config.ts";
import type { DispatcherApi } from "./domain/dispatcher.ts";
import type { BlobStore, Clock, Ids, Log } from "./domain/ports.ts";

export interface Deps {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly db: DrizzleD1Database;
  readonly d1: D1Database;
  readonly blobs: BlobStore;
  readonly dispatcherFor: (workspaceId: string) => DispatcherApi & Pick<Fetcher, "fetch">;
  readonly logRoomFor: (workspaceId: string, runId: string) => Pick<Fetcher, "fetch">;
}

/** Bindings as `wrangler.toml` declares them; embedded, `BLOBS_DISK` stands in for `BLOBS`. */
export interface Env extends Readonly<Record<string, unknown>> {
  readonly DB: D1Database;
  readonly ASSETS: Fetcher;
  readonly DISPATCHER: DurableObjectNamespace;
  readonly LOG_ROOM: DurableObjectNamespace;
  readonly BLOBS?: R2Bucket;
  readonly BLOBS_DISK?: Fetcher;
}

export { drizzle, parseConfig };
