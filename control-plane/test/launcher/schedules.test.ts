/** A thousand schedules on raw workerd, killed in the middle of them. */
import type { Occurrence } from "@cronium/protocol";
import { afterAll, beforeAll, test } from "vitest";
import { buildControlPlane, Workbench, type Ready } from "./plane.ts";

const SCHEDULES = 1_000;
const EVERY_MS = 10_000;
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

async function ledger(plane: Ready): Promise<Occurrence[]> {
  const rows: Occurrence[] = [];
  let cursor = "";
  do {
    const page = await call<{ items: Occurrence[]; nextCursor: string | null }>(
      plane,
      "GET",
      `/occurrences?limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`,
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

test(
  "F13: the control plane is killed while a thousand schedules are due: each time has one outcome",
  { timeout: 300_000 },
  async ({ expect }) => {
    const plane = await bench.launch(bench.folder()).ready;
    const event = await call<{ id: string }>(plane, "POST", "/events", {
      name: "Due",
      runtime: "bash",
      script: "true",
      labels: { nobody: "has this" },
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
    const rows = await ledger(plane);
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
  },
);
