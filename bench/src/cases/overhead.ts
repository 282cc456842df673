/**
 * `overhead`: scripts that keep a processor busy for 0.1, 1 and 10 seconds. How long the run page says that they took,
 * in a container that waited, beside the same script and the same bash in a container that runs already; and what a run
 * costs the whole machine, in processor time and memory, beside bare Docker.
 */
import { setTimeout as after } from "node:timers/promises";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { watchRun, watchWorkspace } from "../live.ts";
import { startOwnRunner } from "../own-runner.ts";
import { startPlane, type Plane } from "../plane.ts";
import { machineBusyMs, machineFreeMb } from "../processor.ts";
import { docker, hostConfig, lifeCycle } from "../reference/docker.ts";
import { startLoop } from "../reference/loop.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil } from "../wait.ts";

const SIZES = [
  { seconds: 0.1, times: 10, goal: "<= 1.1" },
  { seconds: 1, times: 3, goal: "<= 1.01" },
  { seconds: 10, times: 1, goal: "<= 1.01" },
] as const;
/** Runs of one second each whose processor time is added up. */
const COSTED = 10;
/** Runs that are there at once when memory is looked at. */
const RESIDENT = 20;
const IDLE_MS = 2_000;

interface Event {
  readonly id: string;
}

export const overhead: Benchmark = async ({ rounds, progress }) => {
  const image = imageOf("bash");
  const plane = await startPlane({ runner: false });
  const loop = await startLoop(image);
  const runner = await startOwnRunner(plane, { capacity: RESIDENT, warm: 2 });
  try {
    const perSecond = await loop.turnsPerSecond();
    const scriptFor = (seconds: number): string => loop.script(Math.round(perSecond * seconds));
    const events: Event[] = [];
    for (const { seconds } of SIZES) {
      events.push(await eventFor(plane, `busy for ${seconds} s`, scriptFor(seconds)));
    }
    const sleep = await eventFor(plane, "asleep", "sleep 8");
    const timed = SIZES.map(() => ({ ours: [] as number[], theirs: [] as number[], ratios: [] as number[] }));
    const cost = { ours: [] as number[], theirs: [] as number[] };
    const memory = { ours: [] as number[], theirs: [] as number[] };
    let lost = 0;
    const once = async (eventId: string): Promise<number> => {
      await runner.waiting(1);
      const { runId } = await plane.call("POST", `/events/${eventId}/runs`, {});
      await watchRun(plane, runId, () => undefined);
      const { state, attempts } = await plane.call("GET", `/runs/${runId}`);
      lost += state === "succeeded" ? 0 : 1;
      return Date.parse(attempts[0].exitedAt) - Date.parse(attempts[0].startedAt);
    };
    await batch(plane, events[0]?.id ?? "", 2);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, { seconds, times }] of SIZES.entries()) {
        progress(`overhead round ${round} of ${rounds}: ${times} of ${seconds} s`);
        const into = timed[index] as (typeof timed)[number];
        const [mine, theirs]: [number[], number[]] = [[], []];
        for (let i = 0; i < times; i += 1) {
          mine.push(await once(events[index]?.id ?? ""));
          theirs.push(await loop.once(Math.round(perSecond * seconds)));
        }
        into.ours.push(...mine);
        into.theirs.push(...theirs);
        into.ratios.push(median(mine) / median(theirs));
      }
      progress(`overhead round ${round} of ${rounds}: processor time and memory`);
      await runner.waiting(2);
      await after(IDLE_MS);
      lost += await costed(cost.ours, () => batch(plane, events[1]?.id ?? "", COSTED));
      await after(IDLE_MS);
      await costed(cost.theirs, async () => {
        const command = ["bash", "-c", scriptFor(1)];
        await inPairs(COSTED, () => lifeCycle(image, command));
        return 0;
      });
      memory.ours.push(await residentOfOurs(plane, sleep.id));
      memory.theirs.push(await residentOfDocker(image));
    }
    const alone = { name: "the same script and bash in a container that runs", version: "" };
    const bare = { name: "bare dockerode", version: "" };
    const cases: Case[] = SIZES.map(({ seconds, goal }, index) => {
      const { ours, theirs, ratios } = timed[index] as (typeof timed)[number];
      const ratio = median(ratios);
      return {
        case: `run of ${seconds} s, started to exited, in a container that waited`,
        unit: "ms",
        ours: figuresOf(ours),
        reference: { ...alone, ...figuresOf(theirs) },
        ratio,
        goal,
        pass: meetsGoal(ratio, goal),
      };
    });
    for (const [what, unit, { ours, theirs }] of [
      ["processor time of the whole machine for a run of 1 s", "ms", cost],
      ["memory of the whole machine for a run that waits", "MiB", memory],
    ] as const) {
      const ratio = median(ours.map((value, i) => value / (theirs[i] ?? Number.NaN)));
      cases.push({
        case: what,
        unit,
        ours: figuresOf(ours),
        reference: { ...bare, ...figuresOf(theirs) },
        ratio,
        goal: "<= 1.2",
        pass: meetsGoal(ratio, "<= 1.2"),
      });
    }
    return {
      cases,
      gates: { ...noGateBroken, lost },
      notes: [
        `Processor time: ${COSTED} runs, two at a time, control plane, runner, sidecar and Docker included; bare Docker the same. Memory: ${RESIDENT} at once, what the kernel says is available before and during.`,
      ],
    };
  } finally {
    await runner.stop();
    await loop.stop();
    await plane.stop();
  }
};

async function eventFor(plane: Plane, name: string, script: string): Promise<Event> {
  return plane.call("POST", "/events", { name, kind: "script", runtime: "bash", script, timeoutMs: 120_000 });
}

/** How many of them did not succeed; two at a time, as the reference. */
async function batch(plane: Plane, eventId: string, count: number): Promise<number> {
  const workspace = await watchWorkspace(plane);
  let failed = 0;
  try {
    await inPairs(count, async () => {
      const { runId } = await plane.call("POST", `/events/${eventId}/runs`, {});
      failed += (await workspace.end(runId)) === "succeeded" ? 0 : 1;
    });
  } finally {
    workspace.close();
  }
  return failed;
}

async function inPairs(count: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  await Promise.all(
    [0, 1].map(async () => {
      while (left > 0) {
        left -= 1;
        await work();
      }
    }),
  );
}

async function costed(into: number[], work: () => Promise<number>): Promise<number> {
  const before = machineBusyMs();
  const failed = await work();
  into.push((machineBusyMs() - before) / COSTED);
  return failed;
}

async function residentOfOurs(plane: Plane, eventId: string): Promise<number> {
  const before = machineFreeMb();
  const workspace = await watchWorkspace(plane);
  try {
    const ids: string[] = await Promise.all(
      Array.from({ length: RESIDENT }, async () => (await plane.call("POST", `/events/${eventId}/runs`, {})).runId),
    );
    await waitUntil("all to run", 60_000, () => workspace.count("running") >= RESIDENT);
    const used = (before - machineFreeMb()) / RESIDENT;
    await Promise.all(ids.map((id) => workspace.end(id)));
    return used;
  } finally {
    workspace.close();
  }
}

async function residentOfDocker(image: string): Promise<number> {
  const before = machineFreeMb();
  const containers = await Promise.all(
    Array.from({ length: RESIDENT }, async () => {
      const container = await docker.createContainer({
        Image: image,
        Entrypoint: [],
        Cmd: ["bash", "-c", "sleep 60"],
        User: "10001:10001",
        NetworkDisabled: true,
        HostConfig: hostConfig,
      });
      await container.start();
      return container;
    }),
  );
  const used = (before - machineFreeMb()) / RESIDENT;
  await Promise.all(containers.map((container) => container.remove({ force: true })));
  return used;
}
