/** `GET /metrics` for Prometheus on an address of this machine, when asked for with --metrics. */
import { createServer, type Server } from "node:http";
import { freemem, loadavg, totalmem } from "node:os";
import { ExitError } from "./base/exit-error.ts";
import { errorText } from "./base/log.ts";
import type { StatusReport } from "./control/messages.ts";

const STATES = ["online", "offline", "paused", "draining"] as const;

/** Text format 0.0.4; bytes and seconds, as Prometheus has them. */
export function metricsText(report: StatusReport): string {
  const { slots, memory, links, jobs, kept } = report;
  const gauge = (name: string, help: string, lines: readonly (readonly [string, number])[]): string =>
    [
      `# HELP cronium_runner_${name} ${help}`,
      `# TYPE cronium_runner_${name} gauge`,
      ...lines.map(([labels, value]) => `cronium_runner_${name}${labels} ${value}`),
    ].join("\n");
  const mb = 1_048_576;
  return `${[
    gauge("info", "Version of the runner.", [[`{version="${report.version}",protocol="${report.protocol}"}`, 1]]),
    gauge(
      "state",
      "1 for the state it is in.",
      STATES.map((state) => [`{state="${state}"}`, state === report.state ? 1 : 0] as const),
    ),
    gauge("uptime_seconds", "Since this process started.", [["", report.upMs / 1_000]]),
    gauge("connections", "Connections to the control plane that are up.", [
      ["", links.filter(({ connected }) => connected).length],
    ]),
    gauge("engine_up", "Whether the container engine answers.", [["", report.engine === null ? 0 : 1]]),
    gauge("slots", "Jobs at the same time.", [
      ['{kind="capacity"}', slots.capacity],
      ['{kind="used"}', slots.used],
    ]),
    gauge("jobs_memory_bytes", "Memory limits of the jobs that are here, added up.", [["", memory.usedMb * mb]]),
    gauge("jobs", "Jobs that are here, with those whose logs are still on their way.", [["", jobs.length]]),
    gauge("kept_containers", "Containers of failed runs that stay for a look at them.", [["", kept.length]]),
    gauge("stuck_containers", "Containers of ended jobs that the engine does not take away.", [["", report.stuck]]),
    gauge("undelivered_results", "Results that the control plane has not acknowledged.", [["", report.undelivered]]),
    gauge("host_memory_bytes", "Memory of the machine.", [
      ['{kind="total"}', totalmem()],
      ['{kind="free"}', freemem()],
    ]),
    ...(report.machine === undefined
      ? []
      : [
          gauge(
            "disk_free_bytes",
            "Free for the runner's data, and for the engine where that is known.",
            Object.entries(report.machine.metrics.diskFreeMb).flatMap(([of, free]) =>
              free === null ? [] : [[`{of="${of}"}`, free * mb] as const],
            ),
          ),
          gauge(
            "waiting_containers",
            "Started containers that wait for a job.",
            report.machine.metrics.waiting.map(
              ({ runtime, memoryMb, cpus, count }) =>
                [`{runtime="${runtime}",memory_mb="${memoryMb}",cpus="${cpus}"}`, count] as const,
            ),
          ),
        ]),
    gauge("host_load1", "Load average of the machine over a minute.", [["", loadavg()[0] ?? 0]]),
  ].join("\n")}\n`;
}

/** Resolves once it listens. Throws `ExitError` with `usage` when it cannot. */
export async function serveMetrics(
  address: { readonly host: string; readonly port: number },
  report: () => StatusReport,
): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.method === "GET" && request.url === "/metrics";
    response.writeHead(found ? 200 : 404, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    response.end(found ? metricsText(report()) : "There is /metrics here.\n");
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(address.port, address.host, resolve);
    });
  } catch (error) {
    const where = `${address.host}:${address.port}`;
    throw new ExitError("usage", `--metrics cannot listen on ${where}: ${errorText(error)}`, "Choose another port.", {
      cause: error,
    });
  }
  return server;
}
