/**
 * `webhook`: signed deliveries to an endpoint, answered with 202 once they are stored with their runs, beside a bare
 * Worker with one durable write; and one workspace's deliveries while another's endpoint is flooded.
 */
import { createHmac, randomUUID } from "node:crypto";
import type { Benchmark } from "../benchmark.ts";
import { startFlood } from "../flood-thread.ts";
import type { FloodCount } from "../flood.ts";
import { httpClient, type HttpClient } from "../http-client.ts";
import { addWorkspace, startPlane, type Plane } from "../plane.ts";
import { startBareWrites } from "../reference/bare-writes.ts";
import { processorMs } from "../processor.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil } from "../wait.ts";

const CLIENTS = 16;
const PER_ROUND = 1_000;
const SINGLE = 300;
/** What the flooded workspace may trigger: ten a second, as on an installation that many share. */
const TRIGGERS_PER_MINUTE = 600;
/** Nobody has this label: what is measured ends with the answer. */
const EVENT = { kind: "script", runtime: "bash", script: "true", labels: { nobody: "has this" } };
const STANDARD = { kind: "standard" };

interface Signed {
  readonly id: string;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

interface Turn {
  readonly perSecond: number;
  /** Milliseconds of each. */
  readonly times: readonly number[];
  /** Of workerd, for one delivery, in milliseconds. */
  readonly busyMs: number;
}

export const webhook: Benchmark = async ({ rounds, progress }) => {
  const plane = await startPlane({ runner: false });
  const bare = await startBareWrites();
  const [ourHttp, bareHttp] = [httpClient(plane.url), httpClient(bare.url)];
  try {
    await plane.call("PATCH", "/settings", { triggersPerMinute: 10_000_000, queueLimit: 10_000_000 });
    const ours = await makeEndpoint(plane, STANDARD);
    const loud = await addWorkspace(plane, "Loud");
    await loud.call("PATCH", "/settings", { triggersPerMinute: TRIGGERS_PER_MINUTE });
    // Its sender needs no time of its own to sign, and what it sends are no repeats.
    const flooded = await makeEndpoint(loud, { kind: "bearer" }, { dedupe: { by: "none" } });
    const sent = new Map<string, string>();
    const turns: { ours: Turn; floor: Turn }[] = [];
    const [idle, busy]: [number[], number[]] = [[], []];
    const floodRatios: number[] = [];
    const floods: { counts: FloodCount; ms: number }[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const floor = await deliverAll(bareHttp, bare.pid, "/", signedOnes(ours.secret, PER_ROUND), () => undefined);
      const turn = await deliverAll(
        ourHttp,
        plane.workerdPid,
        ours.path,
        signedOnes(ours.secret, PER_ROUND),
        (id, text) => sent.set(id, (JSON.parse(text) as { runId: string }).runId),
      );
      // What was accepted goes on into the lists: the quiet part begins when that is done.
      await caughtUp(plane, ours, sent);
      const single = (): Promise<number[]> =>
        oneByOne(ourHttp, ours.path, signedOnes(ours.secret, SINGLE), (id, text) =>
          sent.set(id, (JSON.parse(text) as { runId: string }).runId),
        );
      const alone = await single();
      const headers = { authorization: `Bearer ${flooded.secret}` };
      const flood = startFlood({ url: plane.url, headers, path: flooded.path, clients: CLIENTS });
      await waitUntil("the flood to be beyond its quota", 120_000, async () => {
        const { status } = await ourHttp.post(flooded.path, Buffer.from("null"), headers);
        return status === 429;
      });
      flood.countAnew();
      const begin = performance.now();
      const beside = await single();
      const ms = performance.now() - begin;
      const counts = await flood.stop();
      // The first warms both up.
      if (round > 0) {
        progress(`webhook round ${round} of ${rounds}`);
        turns.push({ ours: turn, floor });
        idle.push(...alone);
        busy.push(...beside);
        floodRatios.push(figuresOf(beside).p99 / figuresOf(alone).p99);
        floods.push({ counts, ms });
      }
    }
    const gates = await countLost(plane, ours, sent);
    const reference = { name: "bare Worker, one write of an object", version: bare.version };
    const rate = median(turns.map((turn) => turn.ours.perSecond / turn.floor.perSecond));
    const late = median(turns.map((turn) => figuresOf(turn.ours.times).p99 / figuresOf(turn.floor.times).p99));
    const beside = median(floodRatios);
    const cases: Case[] = [
      {
        case: `signed deliveries accepted, ${CLIENTS} at a time`,
        unit: "deliveries/s",
        ours: figuresOf(turns.map((turn) => turn.ours.perSecond)),
        reference: { ...reference, ...figuresOf(turns.map((turn) => turn.floor.perSecond)) },
        ratio: rate,
        goal: ">= 0.5",
        pass: meetsGoal(rate, ">= 0.5"),
      },
      {
        case: "signed delivery → 202, p99",
        unit: "ms",
        ours: figuresOf(turns.flatMap((turn) => turn.ours.times)),
        reference: { ...reference, ...figuresOf(turns.flatMap((turn) => turn.floor.times)) },
        ratio: late,
        goal: "<= 3",
        pass: meetsGoal(late, "<= 3"),
      },
      {
        case: "one at a time → 202, p99, while another workspace is flooded",
        unit: "ms",
        ours: figuresOf(busy),
        reference: { name: "the same without the flood", version: "", ...figuresOf(idle) },
        ratio: beside,
        goal: "<= 2",
        pass: meetsGoal(beside, "<= 2"),
      },
    ];
    return { cases, gates, notes: notesOf(turns, floods) };
  } finally {
    ourHttp.close();
    bareHttp.close();
    await bare.stop();
    await plane.stop();
  }
};

interface Hook {
  readonly endpointId: string;
  readonly eventId: string;
  readonly path: string;
  readonly secret: string;
}

async function makeEndpoint(plane: Pick<Plane, "call">, verification: object, fields: object = {}): Promise<Hook> {
  const { id: eventId } = await plane.call("POST", "/events", { name: "delivered", ...EVENT });
  const body = { name: "bench", targets: [{ eventId }], verification, ...fields };
  const { endpoint, secret } = await plane.call("POST", "/endpoints", body);
  return { endpointId: endpoint.id, eventId, path: endpoint.path, secret };
}

/** Deliveries as a shop might send them, about 1 KiB each, signed before anything is timed. */
function signedOnes(secret: string, count: number): Signed[] {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const at = String(Math.floor(Date.now() / 1_000));
  return Array.from({ length: count }, (_, i): Signed => {
    const id = `msg_${randomUUID()}`;
    const items = Array.from({ length: 12 }, (_item, n) => ({
      sku: `SKU-${i}-${n}`,
      quantity: n + 1,
      price: 1_999 + n,
    }));
    const bytes = Buffer.from(JSON.stringify({ type: "order.paid", order: { id, customer: "cus_0001", items } }));
    const signature = createHmac("sha256", key).update(`${id}.${at}.`).update(bytes).digest("base64");
    const headers = {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": at,
      "webhook-signature": `v1,${signature}`,
    };
    return { id, bytes, headers };
  });
}

type Taken = (id: string, text: string) => unknown;

async function deliverAll(
  http: HttpClient,
  pid: number,
  path: string,
  all: readonly Signed[],
  taken: Taken,
): Promise<Turn> {
  const times: number[] = [];
  const queue = all.values();
  const busy = processorMs(pid);
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      // One iterator for all of them: each takes the next one.
      for (const one of queue) {
        times.push(await deliverOne(http, path, one, taken));
      }
    }),
  );
  const perSecond = all.length / ((performance.now() - begin) / 1_000);
  return { perSecond, times, busyMs: (processorMs(pid) - busy) / all.length };
}

async function oneByOne(http: HttpClient, path: string, all: readonly Signed[], taken: Taken): Promise<number[]> {
  const times: number[] = [];
  for (const one of all) {
    times.push(await deliverOne(http, path, one, taken));
  }
  return times;
}

async function deliverOne(
  http: HttpClient,
  path: string,
  { id, bytes, headers }: Signed,
  taken: Taken,
): Promise<number> {
  const begin = performance.now();
  const { status, text } = await http.post(path, bytes, headers);
  const ms = performance.now() - begin;
  if (status !== 202) {
    throw new Error(`A delivery was answered ${status}: ${text.slice(0, 300)}`);
  }
  taken(id, text);
  return ms;
}

/** Every delivery that was answered 202 is there once, and so is its run. */
async function countLost(
  plane: Plane,
  hook: Hook,
  sent: ReadonlyMap<string, string>,
): Promise<{ lost: number; duplicated: number; reordered: number }> {
  const kept = new Map<string, string[]>();
  await pages(plane, `/deliveries?endpointId=${hook.endpointId}&verdict=accepted`, ({ key, runs }) => {
    kept.set(key, [...(kept.get(key) ?? []), ...runs.map((run: { runId: string }) => run.runId)]);
  });
  await caughtUp(plane, hook, sent);
  const ids: string[] = [];
  await pages(plane, `/runs?eventId=${hook.eventId}`, ({ id }) => void ids.push(id));
  const runs = new Set(ids);
  const missing = [...sent].filter(([id, runId]) => !(kept.get(id) ?? []).includes(runId) || !runs.has(runId));
  const extra =
    [...kept.values()].reduce((sum, made) => sum + made.length - 1, 0) + Math.max(0, ids.length - sent.size);
  return { lost: missing.length, duplicated: extra, reordered: 0 };
}

/** The lists are written oldest first: they hold all there is when they hold the newest run. */
async function caughtUp(plane: Plane, { eventId }: Hook, sent: ReadonlyMap<string, string>): Promise<void> {
  const newest = [...sent.values()].at(-1);
  await waitUntil("every run to be in the lists", 120_000, async () => {
    const { items } = await plane.call("GET", `/runs?eventId=${eventId}&limit=200`);
    return items.some(({ id }: { id: string }) => id === newest);
  });
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers are read loosely here; the contract tests hold their shape
async function pages(plane: Plane, path: string, each: (item: any) => void): Promise<void> {
  let cursor: string | null = "";
  while (cursor !== null) {
    const answer: { items: unknown[]; nextCursor: string | null } = await plane.call(
      "GET",
      `${path}&limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    answer.items.forEach(each);
    cursor = answer.nextCursor;
  }
}

function notesOf(
  turns: readonly { readonly ours: Turn; readonly floor: Turn }[],
  floods: readonly { readonly counts: FloodCount; readonly ms: number }[],
): string[] {
  const [oursMs, floorMs] = [turns.map(({ ours }) => ours.busyMs), turns.map(({ floor }) => floor.busyMs)];
  const sum = (of: (counts: FloodCount) => number): number =>
    floods.reduce((total, { counts }) => total + of(counts), 0);
  const all = sum((counts) => Object.values(counts).reduce((a, b) => a + b, 0));
  const perSecond = all / (floods.reduce((total, { ms }) => total + ms, 0) / 1_000);
  const refused = (sum((counts) => counts["429"] ?? 0) / all) * 100;
  return [
    `${PER_ROUND} deliveries of about 1 KiB per round and side; ours checks the signature, looks for a repeat, and writes the delivery, its run and the run's input; the reference writes the body.`,
    `Processor time of workerd for one delivery, the way into the lists included: ${median(oursMs).toFixed(2)} ms, of the reference ${median(floorMs).toFixed(2)} ms.`,
    `The flood: ${CLIENTS} clients of another workspace, in a thread of their own, came to ${perSecond.toFixed(0)} deliveries a second, of which ${refused.toFixed(1)} % were refused with 429: its quota is ${TRIGGERS_PER_MINUTE} a minute, and was used up before anything was timed.`,
  ];
}
