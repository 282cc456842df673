/**
 * `log-flood`: a job prints 300,000 lines of 100 bytes as fast as it can while 1, 10 or 100 viewers watch. Beside it the
 * same container, whose output is handed from Docker's attach stream to a bare room in batches and stored there. Beside
 * the flood with one viewer, another job prints a line now and then, and how late those come is compared with how late
 * they come without a flood.
 */
import { decodeLogFrame } from "@cronium/protocol";
import type WebSocket from "ws";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { startOwnRunner } from "../own-runner.ts";
import { startPlane, type Plane } from "../plane.ts";
import { residentMb } from "../processor.ts";
import { docker, hostConfig } from "../reference/docker.ts";
import { startRelay, type Relay } from "../reference/relay.ts";
import { meetsGoal, type Case } from "../report.ts";
import { openSocket } from "../rooms.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil, within } from "../wait.ts";

const LINES = 300_000;
const LINE_BYTES = 100;
const TOTAL = LINES * LINE_BYTES;
const VIEWERS = [1, 10, 100] as const;
/** The reference gathers as much as our runner does: 64 KiB, or what came while a frame was on its way. */
const BATCH_BYTES = 65_536;
const PROBE_LINES = 60;
const FLOOD_WITHIN_MS = 300_000;
const FRAMES_PER_10K = 300;
/** Resident memory that a flood may add to the runner, MiB: its spool lies on disk. */
const RUNNER_MAY_GROW = 128;

/** Awake a little later than every viewer. */
const PRINT = `awk 'BEGIN { line = sprintf("%099d", 0); for (i = 0; i < ${LINES}; i++) print line }'`;
const FLOOD = `sleep 2; ${PRINT}`;
const PROBE = `for i in $(seq 1 ${PROBE_LINES}); do printf '%s\\n' "$EPOCHREALTIME"; sleep 0.05; done`;

interface Flood {
  readonly linesPerSecond: number;
  /** Frames that one viewer got. */
  readonly frames: number;
  readonly lost: number;
  readonly reordered: number;
}

export const logFlood: Benchmark = async ({ rounds, progress }) => {
  const image = imageOf("bash");
  const relay = await startRelay();
  const plane = await startPlane({ runner: false });
  const runner = await startOwnRunner(plane, { capacity: 4, warm: 2 });
  try {
    const flood = await eventFor(plane, "log-flood", FLOOD);
    const probe = await eventFor(plane, "log-flood probe", PROBE);
    const rates = VIEWERS.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
    const frames: number[] = [];
    const beside = { idle: [] as number[], flooded: [] as number[], ratios: [] as number[] };
    const grown: number[] = [];
    let [lost, reordered] = [0, 0];
    await probed(plane, probe);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, viewers] of VIEWERS.entries()) {
        progress(`log-flood round ${round} of ${rounds}: ${viewers} viewers`);
        const idle = viewers === 1 ? await probed(plane, probe) : [];
        const memory = residentMb(runner.pid);
        const during = viewers === 1 ? probed(plane, probe) : Promise.resolve([]);
        const mine = await throughCronium(plane, flood, viewers);
        const late = await during;
        grown.push(residentMb(runner.pid) - memory);
        if (viewers === 1) {
          beside.idle.push(...idle);
          beside.flooded.push(...late);
          beside.ratios.push(figuresOf(late).p99 / figuresOf(idle).p99);
          lost += 2 * PROBE_LINES - idle.length - late.length;
        }
        rates[index]?.ours.push(mine.linesPerSecond);
        frames.push((mine.frames / LINES) * 10_000);
        lost += mine.lost;
        reordered += mine.reordered;
        rates[index]?.theirs.push((await throughRelay(relay, image, viewers, `${round}-${viewers}`)).linesPerSecond);
      }
    }
    const cases: Case[] = VIEWERS.map((viewers, index) => {
      const { ours, theirs } = rates[index] as (typeof rates)[number];
      const ratio = median(ours.map((value, i) => value / (theirs[i] ?? Number.NaN)));
      return {
        case: `300,000 lines printed → all at each of ${viewers} viewers, stored`,
        unit: "lines/s",
        ours: figuresOf(ours),
        reference: {
          name: "docker attach + bare relay object, batched",
          version: `workerd ${relay.version}`,
          ...figuresOf(theirs),
        },
        ratio,
        goal: ">= 0.7",
        pass: meetsGoal(ratio, ">= 0.7"),
      };
    });
    const late = median(beside.ratios);
    cases.push({
      case: "a line of another job → its viewer, p99, beside the flood",
      unit: "ms",
      ours: figuresOf(beside.flooded),
      reference: { name: "the same without a flood", version: "", ...figuresOf(beside.idle) },
      ratio: late,
      goal: "<= 5",
      pass: meetsGoal(late, "<= 5"),
    });
    const perLines = median(frames) / FRAMES_PER_10K;
    cases.push({
      case: "frames for 10,000 lines",
      unit: "frames",
      ours: figuresOf(frames),
      reference: { name: "what is allowed", version: "", ...figuresOf([FRAMES_PER_10K]) },
      ratio: perLines,
      goal: "<= 1",
      pass: meetsGoal(perLines, "<= 1"),
    });
    const growth = Math.max(...grown.map((mb) => Math.max(mb, 0))) / RUNNER_MAY_GROW;
    cases.push({
      case: "memory that a flood adds to the runner, the most",
      unit: "MiB",
      ours: figuresOf(grown.map((mb) => Math.max(mb, 0))),
      reference: { name: "what is allowed", version: "", ...figuresOf([RUNNER_MAY_GROW]) },
      ratio: growth,
      goal: "<= 1",
      pass: meetsGoal(growth, "<= 1"),
    });
    return {
      cases,
      gates: { ...noGateBroken, lost, reordered },
      notes: [
        `${LINE_BYTES} bytes a line; lines per second from the first frame at a viewer to the last byte at every viewer, all viewers in one process that only counts. Nothing may be dropped.`,
        `The probe is ${PROBE_LINES} lines at 20 a second from another container of the same runner.`,
      ],
    };
  } finally {
    await runner.stop();
    await plane.stop();
    await relay.stop();
  }
};

async function eventFor(plane: Plane, name: string, script: string): Promise<string> {
  return (await plane.call("POST", "/events", { name, kind: "script", runtime: "bash", script })).id;
}

async function throughCronium(plane: Plane, eventId: string, viewers: number): Promise<Flood> {
  const { runId } = await plane.call("POST", `/events/${eventId}/runs`, {});
  let [frames, next, reordered] = [0, 0, 0];
  const flood = counter(viewers);
  const url = `${plane.url.replace("http", "ws")}/api/v1/runs/${runId}/live`;
  const sockets = await Promise.all(
    Array.from({ length: viewers }, (_, viewer) =>
      openSocket(url, plane.headers, (message, isBinary) => {
        if (!isBinary) {
          return;
        }
        if (viewer === 0) {
          const decoded = decodeLogFrame(message);
          frames += 1;
          if (!decoded.ok || decoded.frame.header.gap !== undefined || decoded.frame.header.offset !== next) {
            reordered += 1;
          }
          next += decoded.ok ? decoded.frame.payload.length : 0;
        }
        flood.add(viewer, message.length - 4 - message.readUInt32BE(0));
      }),
    ),
  );
  return { ...(await flood.end(sockets)), frames, reordered };
}

/** One frame at a time is on its way to each viewer's room, as much as gathers meanwhile comes next. */
async function throughRelay(relay: Relay, image: string, viewers: number, room: string): Promise<Flood> {
  const flood = counter(viewers);
  const sockets = await Promise.all(
    Array.from({ length: viewers }, (_, viewer) =>
      openSocket(`${relay.url}?as=viewer&room=${room}`, {}, (message) => flood.add(viewer, message.length)),
    ),
  );
  const feeder = await openSocket(`${relay.url}?as=feeder&room=${room}`);
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [],
    Cmd: ["bash", "-c", PRINT],
    User: "10001:10001",
    NetworkDisabled: true,
    HostConfig: hostConfig,
  });
  try {
    let gathered: Buffer[] = [];
    let size = 0;
    const flush = (): void => {
      if (size > 0) {
        feeder.send(Buffer.concat(gathered));
        gathered = [];
        size = 0;
      }
    };
    const stream = await container.attach({ stream: true, stdout: true });
    const write = (bytes: Buffer): void => {
      gathered.push(bytes);
      size += bytes.length;
      if (size >= BATCH_BYTES) {
        flush();
      }
    };
    container.modem.demuxStream(stream, { write } as unknown as NodeJS.WritableStream, process.stderr);
    stream.once("end", flush);
    await container.start();
    return { ...(await flood.end([...sockets, feeder])), frames: 0, reordered: 0 };
  } finally {
    await container.remove({ force: true });
  }
}

/** Milliseconds from print to viewer of each line of the probe. */
async function probed(plane: Plane, eventId: string): Promise<number[]> {
  const { runId } = await plane.call("POST", `/events/${eventId}/runs`, {});
  const latencies: number[] = [];
  let carry = "";
  const socket = await openSocket(
    `${plane.url.replace("http", "ws")}/api/v1/runs/${runId}/live`,
    plane.headers,
    (message, isBinary) => {
      if (isBinary) {
        const now = performance.timeOrigin + performance.now();
        const parts = (carry + message.subarray(4 + message.readUInt32BE(0)).toString()).split("\n");
        carry = parts.pop() ?? "";
        latencies.push(...parts.map((printed) => now - Number(printed) * 1_000));
      }
    },
  );
  try {
    await waitUntil("the probe's lines", FLOOD_WITHIN_MS, () => latencies.length >= PROBE_LINES);
  } finally {
    socket.terminate();
  }
  return latencies;
}

function counter(viewers: number) {
  const got = new Float64Array(viewers);
  let whole = 0;
  let first = 0;
  let last = 0;
  const done = Promise.withResolvers<void>();
  return {
    add(viewer: number, bytes: number): void {
      first ||= performance.now();
      const before = got[viewer] ?? 0;
      got[viewer] = before + bytes;
      if (before < TOTAL && before + bytes >= TOTAL) {
        whole += 1;
        last = performance.now();
        if (whole === viewers) {
          done.resolve();
        }
      }
    },
    async end(sockets: readonly WebSocket[]): Promise<{ readonly linesPerSecond: number; readonly lost: number }> {
      try {
        await within("the last line at every viewer", FLOOD_WITHIN_MS, done.promise).catch(() => undefined);
      } finally {
        for (const socket of sockets) {
          socket.terminate();
        }
      }
      const lost = got.reduce((sum, bytes) => sum + Math.max(0, TOTAL - bytes), 0) / LINE_BYTES;
      return { linesPerSecond: (LINES / (last - first)) * 1_000, lost: Math.ceil(lost) };
    },
  };
}
