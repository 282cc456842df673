/** `control-api`: lists, single runs and searches over 100,000 runs by 16 clients, against one bare D1 read each. */
import { connectBenchRunner } from "../bench-runner.ts";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { httpClient, type HttpClient } from "../http-client.ts";
import { startPlane, type Plane } from "../plane.ts";
import { startBareReads } from "../reference/bare-reads.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil } from "../wait.ts";

const RUNS = 100_000;
const FINISHED = 5_000;
const EVENTS = 20;
const BATCH = 1_000;
const CLIENTS = 16;
/** Requests of each kind, side and round. */
const PER_ROUND = 480;
const PAGE = 50;
const KINDS = ["list", "detail", "search"] as const;
type Kind = (typeof KINDS)[number];

export const controlApi: Benchmark = async ({ rounds, progress }) => {
  const plane = await startPlane({ runner: false });
  try {
    const begin = performance.now();
    const { ids, searches } = await seed(plane, progress);
    progress(`control-api: ${RUNS} runs are listed after ${((performance.now() - begin) / 1_000).toFixed(0)} s`);
    const { text: summary } = await plane.http.request("GET", `/api/v1/runs?limit=1`);
    const { text: detail } = await plane.http.request("GET", `/api/v1/runs/${ids[0] ?? ""}`);
    const bare = await startBareReads(RUNS, { summary: JSON.stringify(JSON.parse(summary).items[0]), detail });
    const bareHttp = httpClient(bare.url);
    try {
      const ours: Record<Kind, () => string> = {
        list: () => `/api/v1/runs?limit=${PAGE}`,
        detail: () => `/api/v1/runs/${pick(ids)}`,
        search: () => `/api/v1/runs?limit=${PAGE}&${pick(searches)}`,
      };
      const theirs: Record<Kind, () => string> = {
        list: () => `/list?limit=${PAGE}`,
        detail: () => `/detail?n=${Math.floor(Math.random() * RUNS)}`,
        search: () => `/search?limit=${PAGE}&event=${Math.floor(Math.random() * EVENTS)}`,
      };
      const cases: Case[] = [];
      for (const kind of KINDS) {
        const mine: number[][] = [];
        const floor: number[][] = [];
        for (let round = 0; round <= rounds; round += 1) {
          const a = await load(plane.http, ours[kind]);
          const b = await load(bareHttp, theirs[kind]);
          // The first of each warms both sides up.
          if (round > 0) {
            progress(`control-api ${kind} round ${round} of ${rounds}`);
            mine.push(a);
            floor.push(b);
          }
        }
        const ratio = median(mine.map((values, i) => figuresOf(values).p95 / figuresOf(floor[i] ?? []).p95));
        cases.push({
          case: `${kind}, p95`,
          unit: "ms",
          ours: figuresOf(mine.flat()),
          reference: { name: "bare Worker, one D1 read, workerd", version: bare.version, ...figuresOf(floor.flat()) },
          ratio,
          goal: "<= 1.5",
          pass: meetsGoal(ratio, "<= 1.5"),
        });
      }
      return {
        cases,
        gates: { ...noGateBroken, ...(await checkPages(plane, ids)) },
        notes: [
          `${RUNS} runs of ${EVENTS} events, ${FINISHED} of them finished; ${CLIENTS} clients, ${PER_ROUND} requests of each kind, side and round, pages of ${PAGE}; searches by text of the name, state, label and event.`,
          "The ratio is that of both p95s. Ours authenticates, checks the query and hides other workspaces; single live runs come from the Dispatcher. Nothing is cached, so nothing is stale.",
        ],
      };
    } finally {
      bareHttp.close();
      await bare.stop();
    }
  } finally {
    await plane.stop();
  }
};

async function seed(plane: Plane, progress: (line: string) => void) {
  const events: { id: string; name: string }[] = [];
  for (let i = 0; i < EVENTS; i += 1) {
    const name = `control-api job ${String(i).padStart(2, "0")}`;
    // Nobody has these labels: all but those of the first event wait.
    const labels = i === 0 ? {} : { pool: `pool-${i % 4}` };
    const made = await plane.call("POST", "/events", { name, kind: "script", runtime: "bash", script: "true", labels });
    events.push({ id: made.id, name });
  }
  const add = async (eventId: string): Promise<string[]> => {
    const runs = Array.from({ length: BATCH }, () => ({}));
    const { items } = await plane.call("POST", `/events/${eventId}/runs/batch`, { runs });
    return items.map((item: { runId: string }) => item.runId);
  };
  const ids: string[] = [];
  const runner = await connectBenchRunner(plane, 100);
  while (ids.length < FINISHED) {
    ids.push(...(await add(events[0]?.id ?? "")));
  }
  await waitUntil("the first runs to finish", 120_000, () => runner.finished.size >= FINISHED);
  runner.close();
  progress(`control-api: adding ${RUNS} runs`);
  for (let i = 0; ids.length < RUNS; i += 1) {
    ids.push(...(await add(events[1 + (i % (EVENTS - 1))]?.id ?? "")));
  }
  await waitUntil("every run to be in the lists", 300_000, async () => {
    const { text } = await plane.http.request("GET", "/metrics");
    // Reasons of a long queue go on being written at a walking pace.
    return Number(/^cronium_outbox_rows\{[^}]*\} (\d+)$/m.exec(text)?.[1]) < BATCH;
  });
  const searches = [
    ...events.map(({ name }) => `q=${encodeURIComponent(name.slice(8))}`),
    ...events.map(({ id }) => `eventId=${id}`),
    "state=succeeded",
    "state=succeeded,failed",
    "label=pool%3Dpool-2",
    "label=pool%3Dpool-3&state=queued",
  ];
  return { ids, searches };
}

/** Milliseconds of each request. */
async function load(http: HttpClient, path: () => string): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (next < PER_ROUND) {
        next += 1;
        const begin = performance.now();
        const { status, text } = await http.request("GET", path());
        times.push(performance.now() - begin);
        if (status !== 200) {
          throw new Error(`A read answered ${status}: ${text.slice(0, 300)}`);
        }
      }
    }),
  );
  return times;
}

/** Walks the newest pages to the end of 2,000 runs: none missing, none twice, in order. */
async function checkPages(plane: Plane, ids: readonly string[]) {
  const seen: { id: string; queuedAt: string }[] = [];
  let cursor = "";
  while (seen.length < 2_000) {
    const page = await plane.call("GET", `/runs?limit=200${cursor}`);
    seen.push(...page.items);
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
  const known = new Set(ids);
  return {
    lost: seen.filter(({ id }) => !known.has(id)).length,
    duplicated: seen.length - new Set(seen.map(({ id }) => id)).size,
    reordered: seen.filter(({ queuedAt }, i) => i > 0 && queuedAt > (seen[i - 1]?.queuedAt ?? "")).length,
  };
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}
