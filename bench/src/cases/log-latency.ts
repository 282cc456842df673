/** `log-latency`: 20 lines per second from a container to a viewer, stored on the way. */
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { watchRun } from "../live.ts";
import { startPlane, type Plane } from "../plane.ts";
import { docker, hostConfig } from "../reference/docker.ts";
import { startRelay, type Relay } from "../reference/relay.ts";
import { meetsGoal } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { within } from "../wait.ts";
import WebSocket from "ws";

const LINES = 100;
/** Each line is its number and the moment it was printed, in seconds with six decimals. */
const SCRIPT = `for i in $(seq 1 ${LINES}); do printf '%s %s\\n' "$i" "$EPOCHREALTIME"; sleep 0.05; done`;

interface Series {
  readonly latencies: readonly number[];
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
}

export const logLatency: Benchmark = async ({ rounds, progress }) => {
  const image = imageOf("bash");
  const relay = await startRelay();
  const plane = await startPlane({ runner: true });
  try {
    const event = await plane.call("POST", "/events", {
      name: "log-latency",
      kind: "script",
      runtime: "bash",
      script: SCRIPT,
    });
    const ours: Series[] = [];
    const floor: Series[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      progress(`log-latency round ${round} of ${rounds}`);
      ours.push(await throughCronium(plane, event.id));
      floor.push(await throughRelay(relay, image));
    }
    const mine = ours.flatMap((series) => series.latencies);
    const theirs = floor.flatMap((series) => series.latencies);
    const ratioOf = (pick: (values: readonly number[]) => number): number =>
      median(ours.map((series, i) => pick(series.latencies) / pick(floor[i]?.latencies ?? [Number.NaN])));
    const p50 = ratioOf((values) => figuresOf(values).p50);
    const p99 = ratioOf((values) => figuresOf(values).p99);
    const reference = {
      name: "docker attach + bare relay object",
      version: `workerd ${relay.version}`,
      ...figuresOf(theirs),
    };
    const total = (key: "lost" | "duplicated" | "reordered"): number =>
      ours.reduce((sum, series) => sum + series[key], 0);
    return {
      cases: [
        {
          case: "line printed → viewer, p50",
          unit: "ms",
          ours: figuresOf(mine),
          reference,
          ratio: p50,
          goal: "<= 3",
          pass: meetsGoal(p50, "<= 3"),
        },
        {
          case: "line printed → viewer, p99",
          unit: "ms",
          ours: figuresOf(mine),
          reference,
          ratio: p99,
          goal: "<= 15",
          pass: meetsGoal(p99, "<= 15"),
        },
      ],
      gates: { ...noGateBroken, lost: total("lost"), duplicated: total("duplicated"), reordered: total("reordered") },
      notes: [`${LINES} lines per round and side at 20 per second, one viewer; p99 is the ratio of both p99s.`],
    };
  } finally {
    await plane.stop();
    await relay.stop();
  }
};

async function throughCronium(plane: Plane, eventId: string): Promise<Series> {
  const { runId } = await plane.call("POST", `/events/${eventId}/runs`, { input: null });
  const lines = lineCollector();
  await watchRun(plane, runId, (frame) => {
    if (frame.header.stream === "stdout") {
      lines.add(Buffer.from(frame.payload));
    }
  });
  return lines.series();
}

async function throughRelay(relay: Relay, image: string): Promise<Series> {
  const viewer = await open(`${relay.url}?as=viewer`);
  const feeder = await open(`${relay.url}?as=feeder`);
  const lines = lineCollector();
  viewer.on("message", (bytes: Buffer) => lines.add(bytes));
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [],
    Cmd: ["bash", "-c", SCRIPT],
    User: "10001:10001",
    NetworkDisabled: true,
    Tty: false,
    HostConfig: hostConfig,
  });
  try {
    const stream = await container.attach({ stream: true, stdout: true });
    container.modem.demuxStream(
      stream,
      { write: (bytes: Buffer) => feeder.send(bytes) } as unknown as NodeJS.WritableStream,
      process.stderr,
    );
    await container.start();
    await container.wait();
    await within("the last line at the viewer", 10_000, lines.complete);
  } finally {
    await container.remove({ force: true });
    viewer.terminate();
    feeder.terminate();
  }
  return lines.series();
}

function lineCollector() {
  let carry = "";
  const latencies: number[] = [];
  const seen = new Set<number>();
  let last = 0;
  let duplicated = 0;
  let reordered = 0;
  let finish = (): void => undefined;
  const complete = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return {
    complete,
    add(bytes: Buffer): void {
      const now = performance.timeOrigin + performance.now();
      const parts = (carry + bytes.toString()).split("\n");
      carry = parts.pop() ?? "";
      for (const part of parts) {
        const [number, printed] = part.split(" ").map(Number) as [number, number];
        duplicated += seen.has(number) ? 1 : 0;
        reordered += number < last ? 1 : 0;
        seen.add(number);
        last = number;
        latencies.push(now - printed * 1_000);
      }
      if (seen.size === LINES) {
        finish();
      }
    },
    series: (): Series => ({ latencies, lost: LINES - seen.size, duplicated, reordered }),
  };
}

function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  return within(
    `a connection to ${url}`,
    5_000,
    new Promise((resolve, reject) => {
      socket.once("open", () => resolve(socket));
      socket.once("error", reject);
    }),
  );
}
