/** `live-1000`: 1,000 runs at once on 20 simulated runners, each watched, 1 to 2 lines a second, the dashboard counting. */
import type WebSocket from "ws";
import { connectBenchRunner, succeeded, type Grant, type Send } from "../bench-runner.ts";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { watchWorkspace } from "../live.ts";
import { startPlane } from "../plane.ts";
import { startRelay } from "../reference/relay.ts";
import { meetsGoal, type Case } from "../report.ts";
import { eachOf, exchange, openSocket, type Exchange, type Room } from "../rooms.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil, within } from "../wait.ts";

const RUNS = 1_000;
const RUNNERS = 20;
const SECONDS = 15;
const OPENING = 32;
/** A round takes a minute of each side. */
const MOST_ROUNDS = 2;

interface Round extends Exchange {
  /** Runs that the dashboard did not see running, or did not see succeed. */
  readonly unseen: number;
}

export const live1000: Benchmark = async ({ rounds, progress }) => {
  const ours: Round[] = [];
  const bare: Exchange[] = [];
  let version = "";
  const turns = Math.min(rounds, MOST_ROUNDS);
  for (let round = 1; round <= turns; round += 1) {
    progress(`live-1000 round ${round} of ${turns}: ${RUNS} runs`);
    ours.push(await throughCronium(progress));
    progress(`live-1000 round ${round} of ${turns}: ${RUNS} bare rooms`);
    const relay = await startRelay();
    version = relay.version;
    try {
      bare.push(await throughRelay(relay.url, relay.pid));
    } finally {
      await relay.stop();
    }
  }
  const ratioOf = (pick: (one: Exchange) => number): number =>
    median(ours.map((one, i) => pick(one) / pick(bare[i] as Exchange)));
  const entry = (
    name: string,
    unit: Case["unit"],
    values: (one: Exchange) => readonly number[],
    pick: (one: Exchange) => number,
    goal: Case["goal"],
  ): Case => {
    const ratio = ratioOf(pick);
    return {
      case: name,
      unit,
      ours: figuresOf(ours.flatMap(values)),
      reference: { name: `${RUNS} bare rooms, workerd`, version, ...figuresOf(bare.flatMap(values)) },
      ratio,
      goal,
      pass: meetsGoal(ratio, goal),
    };
  };
  const total = (key: "sent" | "lost" | "duplicated" | "reordered" | "unseen"): number =>
    ours.reduce((sum, one) => sum + one[key], 0);
  const p50 = (one: Exchange): number => figuresOf(one.latencies).p50;
  const p99 = (one: Exchange): number => figuresOf(one.latencies).p99;
  const cpu = (list: readonly Exchange[]): string => median(list.map((one) => one.cpuMsPerLine)).toFixed(2);
  const share = ((1 - total("lost") / total("sent")) * 100).toFixed(3);
  return {
    cases: [
      entry("line sent → viewer, p50", "ms", (one) => one.latencies, p50, "<= 2"),
      entry("line sent → viewer, p99", "ms", (one) => one.latencies, p99, "<= 2"),
      entry(
        "memory of workerd",
        "MiB",
        (one) => [one.memoryMb],
        (one) => one.memoryMb,
        "<= 1.5",
      ),
    ],
    gates: {
      ...noGateBroken,
      lost: total("lost") + total("unseen"),
      duplicated: total("duplicated"),
      reordered: total("reordered"),
    },
    notes: [
      `${RUNS} runs on ${RUNNERS} simulated runners, a viewer each, 1 to 2 lines of 100 bytes a second for ${SECONDS} s, every one stored; delivered: ${share} % of ${total("sent")} lines.`,
      `Processor time of workerd for each line: ${cpu(ours)} ms, of the bare rooms ${cpu(bare)} ms.`,
      `The dashboard's socket saw every run start and end, ${total("unseen")} excepted. Memory is the resident set of the whole process.`,
    ],
  };
};

async function throughCronium(progress: (line: string) => void): Promise<Round> {
  const plane = await startPlane({ runner: false });
  const feeders = new Map<string, { readonly grant: Grant; readonly send: Send }>();
  const sockets: WebSocket[] = [];
  try {
    const runners = await Promise.all(
      Array.from({ length: RUNNERS }, () =>
        connectBenchRunner(plane, RUNS / RUNNERS, (grants, send) => {
          for (const grant of grants) {
            send({ type: "started", runId: grant.runId, attempt: grant.attempt });
            feeders.set(grant.runId, { grant, send });
          }
        }),
      ),
    );
    const workspace = await watchWorkspace(plane);
    const event = await plane.call("POST", "/events", {
      name: "live",
      kind: "script",
      runtime: "bash",
      script: "true",
    });
    const { items } = await plane.call("POST", `/events/${event.id}/runs/batch`, {
      runs: Array.from({ length: RUNS }, () => ({})),
    });
    const ids: string[] = items.map((item: { runId: string }) => item.runId);
    await waitUntil("every run to be granted", 120_000, () => feeders.size === RUNS);
    const begin = performance.now();
    const base = plane.url.replace("http", "ws");
    const rooms = await eachOf(ids, OPENING, async (id): Promise<Room> => {
      const { grant } = feeders.get(id) ?? {};
      const feeder = await openSocket(`${base}/api/v1/runner/logs/${id}`, {
        authorization: `Bearer ${grant?.logToken ?? ""}`,
      });
      const viewer = await openSocket(`${base}/api/v1/runs/${id}/live`, plane.headers);
      sockets.push(feeder, viewer);
      return { feeder, viewer };
    });
    progress(`live-1000: ${2 * RUNS} sockets opened in ${((performance.now() - begin) / 1_000).toFixed(1)} s`);
    const seenRunning = workspace.count("running");
    const found = await exchange(rooms, SECONDS, plane.workerdPid);
    const ends = ids.map((id) => workspace.end(id));
    await eachOf([...ids.entries()], OPENING, async ([i, id]) => {
      await endLog((rooms[i] as Room).feeder, found.bytes[i] ?? 0);
      const { grant, send } = feeders.get(id) ?? {};
      if (grant !== undefined && send !== undefined) {
        report(grant, send, found.bytes[i] ?? 0);
      }
    });
    const states = await Promise.all(ends);
    workspace.close();
    runners.forEach((runner) => runner.close());
    return { ...found, unseen: RUNS - seenRunning + states.filter((state) => state !== "succeeded").length };
  } finally {
    sockets.forEach((socket) => socket.terminate());
    await plane.stop();
  }
}

function endLog(feeder: WebSocket, totalBytes: number): Promise<void> {
  const ended = new Promise<void>((resolve) =>
    feeder.on("message", (bytes: Buffer) => {
      if ((JSON.parse(bytes.toString()) as { type: string }).type === "ended") {
        resolve();
      }
    }),
  );
  feeder.send(JSON.stringify({ type: "end", attempt: 1, totalBytes, gaps: 0, truncated: false }));
  return within("a log to be whole", 120_000, ended);
}

function report({ runId, attempt }: Grant, send: Send, logBytes: number): void {
  send(succeeded({ runId, attempt }));
  send({ type: "done", jobs: [{ runId, attempt, logBytes, logState: "complete" }] });
}

async function throughRelay(url: string, pid: number): Promise<Exchange> {
  const names = Array.from({ length: RUNS }, (_, i) => `room-${i}`);
  const rooms = await eachOf(names, OPENING, async (name): Promise<Room> => {
    const feeder = await openSocket(`${url}?as=feeder&room=${name}`);
    return { feeder, viewer: await openSocket(`${url}?as=viewer&room=${name}`) };
  });
  try {
    return await exchange(rooms, SECONDS, pid);
  } finally {
    for (const { feeder, viewer } of rooms) {
      feeder.terminate();
      viewer.terminate();
    }
  }
}
