/** A thousand schedules and a flood of webhooks on raw workerd, killed in the middle of them. */
import type { Delivery, EndpointWithSecret, HookAnswer, Occurrence, RunSummary } from "@cronium/protocol";
import { afterAll, beforeAll, test } from "vitest";
import { buildControlPlane, Workbench, type Ready } from "./plane.ts";

const SCHEDULES = 1_000;
const EVERY_MS = 10_000;
const SENDERS = 4;
const bench = new Workbench();

beforeAll(() => buildControlPlane(), 300_000);
afterAll(() => bench.cleanUp());

async function call<T>(plane: Ready, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${plane.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${plane.apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
  return JSON.parse(text) as T;
}

/** All pages of a list; `path` has a query. */
async function pages<T>(plane: Ready, path: string): Promise<T[]> {
  const rows: T[] = [];
  let cursor = "";
  do {
    const page = await call<{ items: T[]; nextCursor: string | null }>(
      plane,
      "GET",
      `${path}&limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    rows.push(...page.items);
    cursor = page.nextCursor ?? "";
  } while (cursor !== "");
  return rows;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) {
      throw new Error(`${what} did not happen`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/** What senders were told: the answers to each delivery, which is sent again until it has one. */
interface Flood {
  readonly answers: ReadonlyMap<string, readonly HookAnswer[]>;
  /** Every sender has been answered since. */
  answeredSince(at: number): boolean;
  stop(): Promise<void>;
  /** Leaves off without waiting for an answer. */
  giveUp(): void;
}

function flood(plane: Ready, { endpoint, secret }: EndpointWithSecret): Flood {
  const answers = new Map<string, HookAnswer[]>();
  const answered = new Map<number, number>();
  let stopped = false;
  let gaveUp = false;
  const send = async (id: string): Promise<HookAnswer | null> => {
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json", "x-delivery": id };
    try {
      const response = await fetch(`${plane.url}${endpoint.path}`, { method: "POST", headers, body: `{"id":"${id}"}` });
      const text = await response.text();
      // What is not answered 2xx was not accepted.
      return response.ok ? (JSON.parse(text) as HookAnswer) : null;
    } catch {
      return null;
    }
  };
  const senders = Array.from({ length: SENDERS }, async (_, sender) => {
    for (let n = 0; !stopped; n += 1) {
      const id = `${sender}-${n}`;
      // A first answer that nobody saw is what a repeat is for; a second one must be the same.
      for (let said = 0; said < (n % 10 === 0 ? 2 : 1);) {
        const answer = await send(id);
        if (answer === null && gaveUp) {
          return;
        }
        if (answer === null) {
          await new Promise((resolve) => {
            setTimeout(resolve, 50);
          });
        } else {
          said += 1;
          answers.set(id, [...(answers.get(id) ?? []), answer]);
          answered.set(sender, Date.now());
        }
      }
    }
  });
  return {
    answers,
    answeredSince: (at) => answered.size === SENDERS && [...answered.values()].every((last) => last > at),
    stop: async () => {
      stopped = true;
      await Promise.all(senders);
    },
    giveUp: () => {
      stopped = true;
      gaveUp = true;
    },
  };
}

/** Deliveries without exactly one outcome: what is kept of them, and what their senders were told. */
async function wrongDeliveries(plane: Ready, { endpoint }: EndpointWithSecret, sent: Flood): Promise<unknown[]> {
  const kept = await pages<Delivery>(plane, `/deliveries?endpointId=${endpoint.id}&verdict=accepted`);
  const byKey = Map.groupBy(kept, (one) => one.key);
  return [...sent.answers].filter(([id, answers]) => {
    const made = (byKey.get(id) ?? []).flatMap(({ runs }) => runs.map(({ runId }) => runId));
    return made.length !== 1 || made[0] === null || answers.some(({ runId }) => runId !== made[0]);
  });
}

test(
  "F13: the control plane is killed while a thousand schedules are due and webhooks arrive: each time and each accepted delivery has one outcome",
  { timeout: 300_000 },
  async ({ expect, onTestFinished }) => {
    const plane = await bench.launch(bench.folder()).ready;
    const event = await call<{ id: string }>(plane, "POST", "/events", {
      name: "Due",
      runtime: "bash",
      script: "true",
      labels: { nobody: "has this" },
    });
    await call(plane, "PATCH", "/settings", { triggersPerMinute: 10_000_000, queueLimit: 10_000_000 });
    const hooked = await call<{ id: string }>(plane, "POST", "/events", {
      name: "Delivered",
      runtime: "bash",
      script: "true",
      labels: { nobody: "has this" },
    });
    const hook = await call<EndpointWithSecret>(plane, "POST", "/endpoints", {
      name: "Flooded",
      targets: [{ eventId: hooked.id }],
      verification: { kind: "bearer" },
      dedupe: { by: "header", header: "X-Delivery" },
    });
    const startAt = new Date(Math.ceil(Date.now() / EVERY_MS) * EVERY_MS + 3 * EVERY_MS).toISOString();
    const schedule = {
      eventId: event.id,
      timing: { kind: "interval", everyMs: EVERY_MS },
      startAt,
      overlap: "allow",
      catchUp: { mode: "all", max: 100 },
    };
    for (let made = 0; made < SCHEDULES; made += 20) {
      await Promise.all(Array.from({ length: 20 }, () => call(plane, "POST", "/schedules", schedule)));
    }
    // In the very moment in which they are fired, and not only before or after.
    await until("the first of them fires", async () => {
      const { items } = await call<{ items: unknown[] }>(plane, "GET", "/occurrences?limit=1");
      return items.length > 0;
    });
    const sent = flood(plane, hook);
    onTestFinished(() => sent.giveUp());
    await until("every sender has an answer", () => Promise.resolve(sent.answeredSince(0)));
    const second = Math.ceil(Date.now() / EVERY_MS) * EVERY_MS;
    await until("the next time comes", () => Promise.resolve(Date.now() >= second));
    process.kill(plane.workerdPid, "SIGKILL");
    const killed = Date.now();
    // Its launcher brings it back, on the same port; until then nobody answers.
    await until("every time of before the kill is decided", async () => {
      const { items } = await call<{ items: Occurrence[] }>(plane, "GET", "/occurrences?limit=1").catch(() => ({
        items: [],
      }));
      return Date.parse(items[0]?.nominalAt ?? "") >= killed;
    });
    await until("every sender has an answer again", () => Promise.resolve(sent.answeredSince(killed)));
    await sent.stop();
    const rows = await pages<Occurrence>(plane, `/occurrences?to=${new Date(Date.now() + EVERY_MS).toISOString()}`);
    const decided = rows.filter((one) => Date.parse(one.nominalAt) < killed);
    const bySchedule = Map.groupBy(decided, (one) => one.scheduleId);
    const times = new Set(decided.map((one) => one.nominalAt));
    expect(bySchedule.size).toBe(SCHEDULES);
    expect(times.has(new Date(second).toISOString())).toBe(true);
    const wrong = [...bySchedule].filter(([, own]) => {
      const instants = own.map((one) => Date.parse(one.nominalAt)).toSorted((a, b) => a - b);
      return (
        instants.some((at, i) => i > 0 && at - (instants[i - 1] ?? 0) !== EVERY_MS) ||
        own.length !== new Set(instants).size
      );
    });
    expect(wrong).toEqual([]);
    const runIds = decided.map((one) => one.runId);
    expect(runIds.filter((runId) => runId === null)).toEqual([]);
    expect(new Set(runIds).size).toBe(runIds.length);
    expect(await wrongDeliveries(plane, hook, sent)).toEqual([]);
    const told = new Set([...sent.answers.values()].map(([first]) => first?.runId));
    await until("the lists have a run for each delivery", async () => {
      const listed = await pages<RunSummary>(plane, `/runs?eventId=${hooked.id}`);
      return listed.length >= told.size;
    });
    const listed = await pages<RunSummary>(plane, `/runs?eventId=${hooked.id}`);
    expect(listed.filter(({ id }) => !told.has(id))).toEqual([]);
  },
);
