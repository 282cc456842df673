/** Counters of one slot as Prometheus text: a job sees what it did itself, and nothing of its neighbours. */

interface Count {
  calls: number;
  errors: number;
}

export class Metrics {
  private readonly routes = new Map<string, Count>();
  private hits = 0;
  private misses = 0;

  /** `route`: method and path with placeholders, from the table of routes. */
  call(route: string, status: number): void {
    const count = this.routes.get(route) ?? { calls: 0, errors: 0 };
    count.calls += 1;
    count.errors += status >= 400 ? 1 : 0;
    this.routes.set(route, count);
  }

  /** A variable was read, from the cache or not. */
  read(isHit: boolean): void {
    this.hits += isHit ? 1 : 0;
    this.misses += isHit ? 0 : 1;
  }

  text(): string {
    const routes = [...this.routes].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rows = (pick: (count: Count) => number, name: string): string[] =>
      routes.map(([route, count]) => `${name}{route="${route}"} ${pick(count)}`);
    return [
      "# TYPE cronium_sidecar_calls_total counter",
      ...rows(({ calls }) => calls, "cronium_sidecar_calls_total"),
      "# TYPE cronium_sidecar_call_errors_total counter",
      ...rows(({ errors }) => errors, "cronium_sidecar_call_errors_total"),
      "# TYPE cronium_sidecar_variable_cache_hits_total counter",
      `cronium_sidecar_variable_cache_hits_total ${this.hits}`,
      "# TYPE cronium_sidecar_variable_cache_misses_total counter",
      `cronium_sidecar_variable_cache_misses_total ${this.misses}`,
      "",
    ].join("\n");
  }
}
