import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateEvent } from "@cronium/protocol/api/events";
import { chainEnds, endsOf, followsEnd } from "@cronium/protocol/chain-tables";
import { terminalRunStates } from "@cronium/protocol/run-states";
import { describe, test } from "vitest";
import { chainErrors, inputOf, originAfter, withPending, withSettled } from "./chains.ts";
import { newRun } from "./run.ts";

const { definition, ...from } = {
  id: "run_1",
  eventId: "evt_a",
  eventName: "A",
  eventVersion: 1,
  trigger: "api",
  hasChains: true,
  definition: CreateEvent.parse({ name: "A", runtime: "bash", script: "true" }),
} as const;
const run = newRun({ ...from, definition }, 1_000);

describe("chains", () => {
  test("the examples of docs/chains.md do what the page says", async ({ expect }) => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/chains.md"), "utf8");
    const blocks = (language: string): string[] =>
      [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);
    const [event = "", data = "", ...results] = blocks("json");
    const { chains } = CreateEvent.parse({ name: "A", runtime: "bash", script: "true", ...JSON.parse(event) });
    expect(chainErrors({ chains })).toEqual([]);
    const given = JSON.parse(data) as Parameters<typeof inputOf>[1];
    const made = await Promise.all(blocks("jsonata").map((mapping) => inputOf(mapping, given)));
    expect(made).toHaveLength(2);
    expect(made).toEqual(results.map((text) => ({ ok: true, value: JSON.parse(text) as unknown })));
    expect(await inputOf(chains[1]?.mapping ?? null, given)).toEqual(made[0]);
  });

  test("follow every end but that of a skipped run, and each end by one name beside `any`", ({ expect }) => {
    for (const state of terminalRunStates) {
      const names = chainEnds.filter((on) => followsEnd(on, state));
      const own = state === "skipped" ? [] : state === "cancelled" ? ["any"] : [expect.any(String), "any"];
      expect(names).toEqual(own);
    }
    expect(Object.keys(endsOf)).toEqual([...chainEnds]);
  });

  test("remember the run that began it all, and how many came before", ({ expect }) => {
    const first = originAfter(run, "success");
    expect(first).toMatchObject({ runId: "run_1", rootRunId: "run_1", depth: 1 });
    expect(originAfter({ ...run, id: "run_2", origin: first }, "any")).toMatchObject({
      runId: "run_2",
      rootRunId: "run_1",
      depth: 2,
    });
  });

  test("settle the end that they were written for, and keep the newest fifty", ({ expect }) => {
    const chain = { eventId: "evt_b", on: "any", mapping: null } as const;
    let ended = run;
    for (let requeues = 0; requeues < 60; requeues += 1) {
      ended = withPending({ ...ended, requeues }, [{ n: 0, chain }], requeues);
    }
    expect(ended.chained).toHaveLength(50);
    const settled = withSettled(ended, { requeues: 59, n: 0 }, { state: "started", runId: "run_2" });
    expect(settled.chained?.filter(({ state }) => state === "started")).toMatchObject([
      { requeues: 59, runId: "run_2" },
    ]);
  });
});
