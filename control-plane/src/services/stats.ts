/** Numbers of a workspace: for people (`/stats`) and for scrapers (`/metrics`, Prometheus text format 0.0.4). */
import type { Stats } from "@cronium/protocol";
import { authFailureKinds } from "../auth/auth-failures.ts";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { mergeStats } from "../domain/merged-stats.ts";
import { askAll } from "./dispatchers.ts";
import type { EngineStats, Histogram } from "../domain/engine-stats.ts";

const HOUR_MS = 3_600_000;
const HOURS = 24;
const liveStates = ["queued", "starting", "running", "waiting", "cancelling"] as const;

export async function getStats(deps: Deps, actor: Actor): Promise<Stats> {
  const engine = mergeStats(await askAll(deps, actor.workspaceId, (dispatcher) => dispatcher.stats()));
  const current = Math.floor(engine.now / HOUR_MS) * HOUR_MS;
  const count = (at: number, name: string): number =>
    engine.hours.find((hour) => hour.at === at && hour.name === name)?.count ?? 0;
  return {
    now: liveCounts(engine),
    deadLetters: engine.deadLetters,
    oldestWaitMs: engine.oldestQueuedAt === null ? null : Math.max(0, engine.now - engine.oldestQueuedAt),
    runners: { registered: engine.runners.registered, connected: engine.runners.connected },
    hours: Array.from({ length: HOURS }, (_, i) => current - (HOURS - 1 - i) * HOUR_MS).map((at) => ({
      at: new Date(at).toISOString(),
      triggered: count(at, "triggered"),
      succeeded: count(at, "succeeded"),
      failed: count(at, "failed"),
      cancelled: count(at, "cancelled"),
      timedOut: count(at, "timed_out"),
      expired: count(at, "expired"),
      skipped: count(at, "skipped"),
    })),
  };
}

function liveCounts(engine: EngineStats): Stats["now"] {
  return Object.fromEntries(liveStates.map((state) => [state, engine.live[state] ?? 0])) as Stats["now"];
}

/** Of the caller's workspace alone, which each line names. Seconds, as Prometheus wants them. */
export async function getMetrics(deps: Deps, actor: Actor): Promise<string> {
  const { workspaceId } = actor;
  const engine = mergeStats(await askAll(deps, workspaceId, (dispatcher) => dispatcher.stats()));
  const lines: string[] = [];
  const metric = (name: string, type: "counter" | "gauge", help: string, values: Readonly<Record<string, number>>) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of Object.entries(values)) {
      lines.push(`${name}{workspace="${workspaceId}"${labels}} ${value}`);
    }
  };
  const histogram = (name: string, help: string, { bounds, counts, sum, count }: Histogram, unit: number): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
    let upTo = 0;
    for (const [i, bound] of bounds.entries()) {
      upTo += counts[i] ?? 0;
      lines.push(`${name}_bucket{workspace="${workspaceId}",le="${bound / unit}"} ${upTo}`);
    }
    lines.push(`${name}_bucket{workspace="${workspaceId}",le="+Inf"} ${count}`);
    lines.push(`${name}_sum{workspace="${workspaceId}"} ${sum / unit}`);
    lines.push(`${name}_count{workspace="${workspaceId}"} ${count}`);
  };
  const age = (at: number | null): number => (at === null ? 0 : Math.max(0, engine.now - at) / 1_000);
  const live = liveCounts(engine);
  const { meters } = engine;
  metric(
    "cronium_runs",
    "gauge",
    "Runs that have not ended, by state.",
    Object.fromEntries(liveStates.map((state) => [`,state="${state}"`, live[state]])),
  );
  metric("cronium_queue_depth", "gauge", "Runs that wait.", { "": live.queued });
  metric("cronium_dead_letters", "gauge", "Runs that used up their retries and can be requeued.", {
    "": engine.deadLetters,
  });
  metric("cronium_queue_oldest_wait_seconds", "gauge", "Wait of the run that could go first.", {
    "": age(engine.oldestQueuedAt),
  });
  histogram("cronium_dispatch_seconds", "From when a run could go to its offer.", meters.dispatchMs, 1_000);
  metric("cronium_leases_lost_total", "counter", "Attempts whose runner fell silent.", { "": meters.leasesLost });
  metric("cronium_retries_total", "counter", "Runs that were queued again after a failed attempt.", {
    "": meters.retries,
  });
  metric("cronium_runners_quarantined", "gauge", "Runners that wait for a person to release them.", {
    "": engine.runners.quarantined,
  });
  metric("cronium_quarantines_total", "counter", "Runners that were quarantined.", { "": meters.quarantines });
  metric("cronium_outbox_rows", "gauge", "Changes that lists do not show yet.", { "": engine.outboxRows });
  metric("cronium_outbox_lag_seconds", "gauge", "Age of the oldest of them.", { "": age(engine.outboxOldestAt) });
  histogram("cronium_commit_size", "Triggers and frames decided in one commit.", meters.commitSize, 1);
  metric("cronium_sockets", "gauge", "Open sockets, by who is at the other end.", {
    ',kind="runner"': engine.runners.connected,
    ',kind="viewer"': engine.viewers,
  });
  metric(
    "cronium_auth_failures_total",
    "counter",
    "Refused passwords, codes, keys and links of the whole installation, since this process started.",
    Object.fromEntries(authFailureKinds.map((kind) => [`,kind="${kind}"`, deps.authFailures.read(kind)])),
  );
  return `${lines.join("\n")}\n`;
}
