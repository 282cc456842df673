/** What every request is handed: settings, effects, the database and the objects, and nothing global. */
import { connect } from "cloudflare:sockets";
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { AuthFailures } from "./auth/auth-failures.ts";
import { githubProvider } from "./auth/github-provider.ts";
import type { IdentityProvider } from "./auth/identity-provider.ts";
import { oidcProvider } from "./auth/oidc-provider.ts";
import { RecentActors } from "./auth/recent-actors.ts";
import { RateLimits } from "./auth/rate-limits.ts";
import { RequestLimits } from "./auth/request-limits.ts";
import { textSealer, type TextSealer } from "./auth/sealed-text.ts";
import { createSessions, type Sessions } from "./auth/sessions.ts";
import { parseConfig, type Config } from "./config.ts";
import type { DispatcherApi } from "./domain/dispatcher.ts";
import { dispatcherName } from "./domain/dispatcher-name.ts";
import { HeldTriggers } from "./domain/held-triggers.ts";
import { HookCache } from "./domain/webhooks/hook-cache.ts";
import type { LogRoomApi } from "./domain/log-room.ts";
import type { BlobStore, Clock, Ids, Log, Mailer } from "./domain/ports.ts";
import { consoleLog } from "./log.ts";
import type { OutboundDeps } from "./outbound/guarded-fetch.ts";
import { mailServer, mailService } from "./outbound/mail.ts";
import { providerRequests } from "./outbound/providers.ts";
import { sessionTables } from "./store/accounts.ts";
import { blobStore } from "./store/blobs.ts";
import { outbox } from "./store/messages.ts";

export interface Deps {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly db: DrizzleD1Database;
  readonly d1: D1Database;
  readonly blobs: BlobStore;
  /** The dashboard's files. */
  readonly assets: Pick<Fetcher, "fetch">;
  /** Authenticated callers, remembered for seconds. */
  readonly recentActors: RecentActors;
  /** Guesses at passwords, codes and links. */
  readonly rateLimits: RateLimits;
  /** Requests of any kind. */
  readonly requestLimits: RequestLimits;
  /** Counts open requests of an address over all isolates of a place; null where the installation has none. */
  readonly placeLimit: PlaceLimit | null;
  readonly heldTriggers: HeldTriggers;
  /** Endpoints of webhooks, remembered for seconds. */
  readonly hooks: HookCache;
  readonly authFailures: AuthFailures;
  readonly sealer: TextSealer;
  /** Null where links can reach nobody: hosted, without a mail service. */
  readonly mailer: Mailer | null;
  /** Those that are set up. */
  readonly providers: readonly IdentityProvider[];
  /** People's sessions at the origin under which a request reached this installation. */
  readonly sessionsFor: (origin: string) => Sessions;
  /** The Dispatcher of a workspace, or that of one of its shards. Which shard: `services/dispatchers.ts`. */
  readonly dispatcherFor: (workspaceId: string, shard?: number) => DispatcherApi & Pick<Fetcher, "fetch">;
  /** Objects that are known to exist, by name. */
  readonly knownShards: Set<string>;
  readonly logRoomFor: (workspaceId: string, runId: string) => LogRoomApi & Pick<Fetcher, "fetch">;
}

/** Bindings as `wrangler.toml` declares them; embedded, `BLOBS_DISK` stands in for `BLOBS`. */
export interface Env extends Readonly<Record<string, unknown>> {
  readonly DB: D1Database;
  readonly ASSETS: Fetcher;
  readonly DISPATCHER: DurableObjectNamespace;
  readonly LOG_ROOM: DurableObjectNamespace;
  readonly BLOBS?: R2Bucket;
  readonly BLOBS_DISK?: Fetcher;
  /** Cloudflare's rate limiting binding; only hosted. */
  readonly ADDRESS_LIMIT?: PlaceLimit;
}

export interface PlaceLimit {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** A client chooses its Host header: what is kept for each of them has a bound. */
const MAX_ORIGINS = 20;

export const systemClock: Clock = { now: () => Date.now() };
export const systemIds: Ids = { random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)) };

/** A log room is made for each run, and they share what the settings say. */
const configs = new WeakMap<Env, Config>();

function configOf(env: Env): Config {
  const known = configs.get(env);
  if (known !== undefined) {
    return known;
  }
  const config = parseConfig(env);
  configs.set(env, config);
  return config;
}

/** Throws when the configuration is not usable, naming every wrong setting. */
export function makeDeps(env: Env): Deps {
  const { DISPATCHER, LOG_ROOM } = env;
  const config = configOf(env);
  const db = drizzle(env.DB);
  const sessions = new Map<string, Sessions>();
  const sealer = textSealer(config.authSecret);
  // The runtime's network holds connections to names against the same networks; there is nothing else to ask.
  // A provider may live under the very host of this installation, so no host is its own.
  const outbound: OutboundDeps = {
    rules: { networks: config.outboundNetworks, ownHosts: [] },
    resolve: null,
    fetch: (request) => fetch(request),
  };
  const ask = providerRequests(outbound);
  return {
    config,
    clock: systemClock,
    ids: systemIds,
    log: consoleLog(systemClock),
    db,
    d1: env.DB,
    blobs: blobStore(env),
    assets: env.ASSETS,
    recentActors: new RecentActors(systemClock),
    rateLimits: new RateLimits(systemClock),
    requestLimits: new RequestLimits(systemClock, config.requestRates),
    placeLimit: env.ADDRESS_LIMIT ?? null,
    heldTriggers: new HeldTriggers(systemClock),
    hooks: new HookCache(systemClock),
    authFailures: new AuthFailures(),
    sealer,
    mailer: makeMailer(config, { outbound, d1: env.DB, sealer }),
    providers: [
      ...(config.github === null ? [] : [githubProvider(config.github, ask)]),
      ...(config.oidc === null ? [] : [oidcProvider(config.oidc, ask)]),
    ],
    sessionsFor: (origin) => {
      let known = sessions.get(origin);
      if (known === undefined) {
        if (sessions.size >= MAX_ORIGINS) {
          sessions.clear();
        }
        known = createSessions({ database: sessionTables(db), secret: config.authSecret, origin });
        sessions.set(origin, known);
      }
      return known;
    },
    // A stub carries the object's methods over RPC; its class is known to worker.ts alone.
    dispatcherFor: (workspaceId, shard = HOME_SHARD) =>
      DISPATCHER.get(DISPATCHER.idFromName(dispatcherName(workspaceId, shard))) as unknown as DispatcherApi &
        Pick<Fetcher, "fetch">,
    knownShards: new Set(),
    logRoomFor: (workspaceId, runId) =>
      LOG_ROOM.get(LOG_ROOM.idFromName(`${workspaceId}:${runId}`)) as unknown as LogRoomApi & Pick<Fetcher, "fetch">,
  };
}

/** Messages are kept only where their reader holds the machine: hosted, the first workspace may be anybody's. */
function makeMailer(
  config: Config,
  { outbound, d1, sealer }: { readonly outbound: OutboundDeps; readonly d1: D1Database; readonly sealer: TextSealer },
): Mailer | null {
  const kept =
    config.launcherKey === null
      ? null
      : outbox({ d1, clock: systemClock, ids: systemIds, seal: (text) => sealer.seal(text) });
  const { mail } = config;
  if (mail === null) {
    return kept;
  }
  const publicUrl = config.publicUrl.replace(/\/+$/, "");
  return "server" in mail
    ? mailServer({ connect, clock: systemClock, ids: systemIds }, { ...mail, publicUrl }, kept)
    : mailService(outbound, { ...mail, publicUrl }, kept);
}
