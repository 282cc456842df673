/** The numbers of a workspace's Dispatchers as one: home's first, with what home alone knows. */
import type { EngineStats, Histogram, Meters } from "./engine-stats.ts";

export function mergeStats([home, ...shards]: readonly [EngineStats, ...EngineStats[]]): EngineStats {
  return shards.reduce(
    (sum, one) => ({
      ...sum,
      live: Object.fromEntries(
        [...new Set([...Object.keys(sum.live), ...Object.keys(one.live)])].map((state) => {
          const key = state as keyof EngineStats["live"];
          return [key, (sum.live[key] ?? 0) + (one.live[key] ?? 0)];
        }),
      ),
      hours: mergeHours(sum.hours, one.hours),
      oldestQueuedAt: older(sum.oldestQueuedAt, one.oldestQueuedAt),
      deadLetters: sum.deadLetters + one.deadLetters,
      outboxRows: sum.outboxRows + one.outboxRows,
      outboxOldestAt: older(sum.outboxOldestAt, one.outboxOldestAt),
      meters: mergeMeters(sum.meters, one.meters),
    }),
    home,
  );
}

function mergeHours(a: EngineStats["hours"], b: EngineStats["hours"]): EngineStats["hours"] {
  const sums = new Map(a.map((hour) => [`${hour.at} ${hour.name}`, hour]));
  for (const hour of b) {
    const key = `${hour.at} ${hour.name}`;
    sums.set(key, { ...hour, count: hour.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}

function mergeMeters(a: Meters, b: Meters): Meters {
  return {
    ...a,
    dispatchMs: mergeHistograms(a.dispatchMs, b.dispatchMs),
    commitSize: mergeHistograms(a.commitSize, b.commitSize),
    leasesLost: a.leasesLost + b.leasesLost,
    retries: a.retries + b.retries,
    quarantines: a.quarantines + b.quarantines,
  };
}

/** Both have the same bounds: they are constants of the program. */
function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  return {
    bounds: a.bounds,
    counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)),
    sum: a.sum + b.sum,
    count: a.count + b.count,
  };
}

function older(a: number | null, b: number | null): number | null {
  return a === null ? b : Math.min(a, b ?? a);
}
