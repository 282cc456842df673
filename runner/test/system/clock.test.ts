/** A machine whose clock is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Runner } from "@cronium/protocol";
import { afterAll, beforeAll, it } from "vitest";
import { startPlane, type Plane } from "./plane.ts";
import { startRunner } from "./runner-process.ts";
import { eventually } from "./wait.ts";

const DAY_MS = 86_400_000;

/** Loaded ahead of the program, it stands for a wall clock that is a day ahead; the monotonic clock is as it is. */
const DAY_AHEAD = `
const RealDate = Date;
const now = () => RealDate.now() + ${DAY_MS};
globalThis.Date = class extends RealDate {
  constructor(...args) { super(...(args.length === 0 ? [now()] : args)); }
  static now() { return now(); }
};
`;

let plane: Plane;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-clock-"));
  plane = await startPlane();
});
afterAll(async () => {
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("F18 a runner whose clock is a day ahead works as any other, and the list says so", async ({ expect }) => {
  const preload = join(folder, "day-ahead.mjs");
  writeFileSync(preload, DAY_AHEAD);
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(preload).href}` };
  const runner = await startRunner(plane, { executor: "fake", env });
  try {
    // Longer than the lease of this control plane, so that leases are renewed on the way.
    const job = { FAKE_SLEEP_MS: "6000", FAKE_LOG_LINES: "200" };
    const { body } = await plane.call("POST", "/runs", { runtime: "bash", script: "true", input: null, env: job });
    const run = await eventually("the run to end", 120_000, async () => {
      const answer = await plane.call("GET", `/runs/${body.runId}`);
      return answer.body.finishedAt === null ? null : answer.body;
    });
    expect(run).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(Math.abs(Date.parse(run.startedAt) - Date.now())).toBeLessThan(DAY_MS / 2);
    const { items } = (await plane.call("GET", "/runners")).body as { items: Runner[] };
    expect(items[0]).toMatchObject({ state: "online", warnings: [{ code: "clock_skew" }] });
    expect(items[0]?.warnings[0]?.message).toContain("24 h ahead of");
  } finally {
    await runner.stop();
  }
});
