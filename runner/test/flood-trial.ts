/** One job that prints as fast as it can, through the built runner, and what that does to the runner and a neighbour. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import { until } from "./until.ts";

const BUILT = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const MIB = 1_048_576;
const CAP_MB = 2;

export interface FloodReport {
  readonly outcome: string;
  readonly neighbour: string;
  /** What is stored of the flood, in bytes, and what the log says is missing. */
  readonly storedBytes: number;
  readonly gaps: readonly { readonly bytes: number; readonly reason: string }[];
  readonly logState: string | undefined;
  /** Resident memory of the runner while the job printed, in MiB: for 95 % of the time no more than this, and at most. */
  readonly memoryMb: number;
  readonly peakMb: number;
  /** Longest time without a heartbeat, which is due every second, in milliseconds. */
  readonly silentMs: number;
  /** Times that the runner thought its connection dead. */
  readonly lostConnections: number;
  readonly megabytesPerSecond: number;
}

export async function floodTrial(bytes: number, withinMs: number): Promise<FloodReport> {
  if (!existsSync(BUILT)) {
    throw new Error("runner/dist/main.js is missing: run npm run build.");
  }
  const fixture = await startDockerFixture([], {}, BUILT);
  const { plane, runner } = fixture;
  try {
    const container = { logCapMb: CAP_MB };
    const flood = plane.job(`head -c ${bytes} /dev/zero | tr '\\0' x; cronium_output 1`, {
      container,
      timeoutMs: withinMs,
    });
    const neighbour = plane.job("for i in 1 2 3; do echo $i; sleep 0.3; done");
    // Asks the kernel to begin anew with the most that there was.
    writeFileSync(`/proc/${runner.pid}/clear_refs`, "5");
    const watch = watchHeartbeat(() => plane.pings);
    const samples: number[] = [];
    const sampling = setInterval(() => samples.push(memoryMb(runner.pid, "VmRSS")), 50);
    const begin = performance.now();
    plane.offer(flood, neighbour);
    const beside = await plane.finished(neighbour, withinMs);
    const result = await plane.finished(flood, withinMs);
    const seconds = (performance.now() - begin) / 1_000;
    const silentMs = watch.stop();
    clearInterval(sampling);
    const peakMb = memoryMb(runner.pid, "VmHWM");
    await until("it is done", () => plane.done(flood).length > 0);
    return {
      outcome: `${result.outcome} ${JSON.stringify(result.output)}`,
      neighbour: `${beside.outcome} ${JSON.stringify(plane.logText(neighbour))}`,
      storedBytes: plane.logBytes(flood).length,
      gaps: [...plane.log(flood).gaps],
      logState: plane.done(flood)[0]?.logState,
      memoryMb: samples.toSorted((a, b) => a - b)[Math.floor(samples.length * 0.95)] ?? Number.NaN,
      peakMb,
      silentMs: Math.round(silentMs),
      lostConnections: runner.events("control.silent").length + plane.of("hello").length - 1,
      megabytesPerSecond: Math.round(bytes / 1e6 / seconds),
    };
  } finally {
    await stopDockerFixture(fixture);
  }
}

/** What is wrong with it; empty when all is well. */
export function floodFaults(report: FloodReport, bytes: number): string[] {
  const { outcome, neighbour, storedBytes, gaps, logState, silentMs, lostConnections } = report;
  const faults = {
    "the job did not end well": outcome !== "succeeded 1",
    "its neighbour did not end well": neighbour !== String.raw`succeeded "1\n2\n3\n"`,
    "what is stored is not what may be": storedBytes !== CAP_MB * MIB || logState !== "truncated",
    "what is missing is not said":
      JSON.stringify(gaps) !== JSON.stringify([{ bytes: bytes - CAP_MB * MIB, reason: "log_quota" }]),
    // The collector lets some tens of megabytes of chunks pile up between two of its runs.
    "the runner grew": !(report.memoryMb < 200 && report.peakMb < 256),
    "the heartbeat stopped": silentMs > 5_000 || lostConnections > 0,
  };
  return Object.entries(faults)
    .filter(([, isSo]) => isSo)
    .map(([fault]) => fault);
}

function memoryMb(pid: number, which: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(new RegExp(String.raw`^${which}:\s+(\d+) kB$`, "m").exec(status)?.[1]) / 1_024);
}

/** The longest time between two looks at which their number was the same. */
function watchHeartbeat(count: () => number): { stop(): number } {
  let last = { count: count(), at: performance.now() };
  let longest = 0;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last.at);
    if (count() !== last.count) {
      last = { count: count(), at: now };
    }
  };
  const timer = setInterval(look, 50);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return longest;
    },
  };
}
