import { env } from "cloudflare:workers";
import type { RunState, RunSummary, Trigger } from "@cronium/protocol";
import { makeId } from "@cronium/protocol/ids";
import { describe, test } from "vitest";
import { upsertRuns } from "../../src/store/projection.ts";
import { runListQuery, type RunRowFilter } from "../../src/store/runs.ts";
import { makePlane, type Plane } from "./plane.ts";

const { DB } = env as unknown as { readonly DB: D1Database };
const START = Date.parse("2026-10-01T00:00:00Z");
const MINUTE = 60_000;

interface Seed {
  readonly state?: RunState;
  readonly failReason?: string;
  readonly name?: string;
  readonly trigger?: Trigger;
  readonly runnerId?: string;
  readonly eventId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The run whose end started this one. */
  readonly parent?: string;
}

/** One run a minute; answers their ids, oldest first. */
async function seed(plane: Plane, runs: readonly Seed[]): Promise<string[]> {
  const rows = runs.map((run, i) => {
    const at = START + i * MINUTE;
    const summary = {
      id: makeId("run", at, crypto.getRandomValues(new Uint8Array(10))),
      eventId: run.eventId ?? null,
      eventName: run.name ?? "Plain",
      eventVersion: null,
      runtime: "bash",
      state: run.state ?? "succeeded",
      priority: 0,
      queueReason: null,
      skipReason: null,
      failReason: run.failReason ?? null,
      cancelReason: null,
      message: null,
      trigger: run.trigger ?? "api",
      origin: run.parent === undefined ? null : { type: "chain", runId: run.parent },
      attempt: 1,
      exitCode: 0,
      signal: null,
      runnerId: run.runnerId ?? null,
      runnerName: null,
      queuedAt: new Date(at).toISOString(),
      startedAt: null,
      finishedAt: null,
      rev: 1,
    } as unknown as RunSummary;
    return { summary, labels: run.labels ?? {}, detail: "{}" };
  });
  await upsertRuns(DB, plane.workspaceId, rows);
  return rows.map(({ summary }) => summary.id);
}

/** The place in the list is passed in the other direction. */
function turned(plan: RegExp, order: "newest" | "oldest"): RegExp {
  return order === "newest" ? plan : new RegExp(plan.source.replaceAll("<", ">"));
}

async function listed(plane: Plane, query: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { items: RunSummary[]; nextCursor: string | null } = await plane.expectJson(
      200,
      "GET",
      `/runs?limit=2&${query}${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  return ids;
}

describe("the list of runs", () => {
  test("each filter leaves what it says, newest first, over several pages", async ({ expect }) => {
    const plane = await makePlane();
    const other = await makePlane();
    const runner = "rnr_01m7xqece7rd9cwj5ny98npjgv";
    const parent = "run_01m7xqece7rd9cwj5ny98npjgv";
    const event = "evt_01m7xqece7rd9cwj5ny98npjgv";
    const runs = await seed(plane, [
      { state: "failed", name: "Nightly backup", labels: { gpu: "yes", zone: "a" } },
      { state: "timed_out", trigger: "manual", labels: { gpu: "yes" } },
      { state: "failed", runnerId: runner, eventId: event, name: "Backup_2" },
      { state: "running", runnerId: runner, labels: { gpu: "no" } },
      { state: "failed", trigger: "manual", eventId: event, name: "100% sure", labels: { gpu: "yes", zone: "a" } },
      { name: "BACKUP now", runnerId: runner },
      { state: "failed", failReason: "retries_exhausted", name: "Dead", labels: { gpu: "dead" } },
      { state: "failed", failReason: "exit_code", name: "Dead" },
      { state: "queued", name: "Dead" },
      { trigger: "event", parent, name: "Next" },
      { trigger: "event", parent: `${parent}x`, name: "Next" },
      { trigger: "event", parent, state: "failed", name: "Next" },
    ]);
    await seed(other, [
      { state: "failed", name: "Backup elsewhere", runnerId: runner, labels: { gpu: "yes" } },
      { trigger: "event", parent },
    ]);
    const pick = (...at: readonly number[]): string[] => at.map((i) => runs[i] ?? "");
    const cases: readonly [string, string[]][] = [
      ["", pick(11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)],
      ["state=failed", pick(11, 7, 6, 4, 2, 0)],
      ["state=failed,timed_out", pick(11, 7, 6, 4, 2, 1, 0)],
      ["state=failed&state=running", pick(11, 7, 6, 4, 3, 2, 0)],
      [`runnerId=${runner}`, pick(5, 3, 2)],
      [`runnerId=${runner}&state=failed,running`, pick(3, 2)],
      [`eventId=${event}`, pick(4, 2)],
      [`eventId=${event}&trigger=manual`, pick(4)],
      ["trigger=manual", pick(4, 1)],
      ["label=gpu%3Dyes", pick(4, 1, 0)],
      ["label=gpu%3Dyes&label=zone%3Da", pick(4, 0)],
      ["label=gpu%3Dyes&state=failed,timed_out&trigger=manual", pick(4, 1)],
      ["q=backup", pick(5, 2, 0)],
      ["q=backup&state=failed", pick(2, 0)],
      ["q=backup&state=failed,succeeded", pick(5, 2, 0)],
      ["q=100%25", pick(4)],
      ["q=p_2", pick(2)],
      ["q=nothing", []],
      [`parentRunId=${parent}`, pick(11, 9)],
      [`parentRunId=${parent}&state=failed`, pick(11)],
      ["parentRunId=run_none", []],
      ["deadLetter=true", pick(6)],
      ["deadLetter=true&q=dead&state=failed", pick(6)],
      ["deadLetter=true&label=gpu%3Ddead", pick(6)],
      ["deadLetter=true&label=gpu%3Dyes", []],
      ["deadLetter=true&state=queued", []],
      ["from=2026-10-01T00:02:00Z&to=2026-10-01T00:05:00Z", pick(4, 3, 2)],
      ["from=2026-10-01T02:03:00%2B02:00&state=failed,running", pick(11, 7, 6, 4, 3)],
      ["q=backup&to=2026-10-01T00:02:00Z", pick(0)],
    ];
    for (const [query, ids] of cases) {
      expect(await listed(plane, query), query).toEqual(ids);
    }
  });

  test("B39 a filter that makes no sense is refused with its name", async ({ expect }) => {
    const plane = await makePlane();
    for (const [query, pointer] of [
      ["state=paused", "query.state.0"],
      ["label=gpu", "query.label.0"],
      ["from=yesterday", "query.from"],
      ["trigger=magic", "query.trigger"],
      [`q=${"x".repeat(101)}`, "query.q"],
      ["deadLetter=yes", "query.deadLetter"],
    ]) {
      const problem = await plane.expectJson<{ errors: { pointer: string }[] }>(422, "GET", `/runs?${query}`);
      expect(problem.errors[0]?.pointer, query).toBe(pointer);
    }
  });

  test("every filter walks an index and sorts no more than a page of each value", async ({ expect }) => {
    await makePlane();
    const none: RunRowFilter = {
      state: undefined,
      eventId: undefined,
      runnerId: undefined,
      trigger: undefined,
      label: undefined,
      from: undefined,
      to: undefined,
      q: undefined,
      deadLetter: false,
      after: { at: START, id: "run_z" },
      limit: 51,
    };
    const plans: readonly [Partial<RunRowFilter>, RegExp, boolean][] = [
      [{}, /SEARCH r USING INDEX runs_list \(workspace_id=\? AND \(queued_at,id\)<\(\?,\?\)\)/, false],
      [{ from: START, to: START + 1 }, /SEARCH r USING INDEX runs_list \(workspace_id=\? AND .*queued_at/, false],
      [{ state: ["failed"] }, /SEARCH r USING INDEX runs_by_state \(workspace_id=\? AND state=\? AND/, false],
      [
        { state: ["failed", "lost"] as never },
        /SEARCH r USING .*INDEX runs_by_state \(workspace_id=\? AND state=\? AND/,
        true,
      ],
      [{ eventId: "e" }, /SEARCH r USING INDEX runs_by_event \(workspace_id=\? AND event_id=\? AND/, false],
      [{ runnerId: "r" }, /SEARCH r USING INDEX runs_by_runner \(workspace_id=\? AND runner_id=\? AND/, false],
      [{ trigger: "api" }, /SEARCH r USING INDEX runs_by_trigger \(workspace_id=\? AND trigger=\? AND/, false],
      [{ parentRunId: "r" }, /SEARCH r USING INDEX runs_by_parent \(workspace_id=\? AND .expr.=\? AND/, false],
      [{ deadLetter: true }, /SEARCH r USING INDEX runs_dead \(workspace_id=\? AND/, false],
      [{ q: "backup" }, /SEARCH r USING .*INDEX runs_by_name \(workspace_id=\? AND event_name=\? AND/, true],
      [
        { label: ["a=b"] },
        /SEARCH l USING .*INDEX sqlite_autoindex_run_labels_1 \(workspace_id=\? AND label=\? AND/,
        false,
      ],
    ];
    // The other way round, as bulk work walks: the same indexes, and no more sorting.
    const forms = (["newest", "oldest"] as const).map((order) => ({ columns: ["summary", "queued_at"], order }));
    const cases = plans.flatMap(([filter, index, merged]) =>
      forms.map((form) => ({ filter, merged, form, index: turned(index, form.order) })),
    );
    for (const { filter, merged, form, index } of cases) {
      const wanted = { ...none, ...filter, ...(form.order === "oldest" ? { endedBy: START } : {}) };
      const { query, values } = runListQuery("ws_x", wanted, form);
      const { results } = await DB.prepare(`EXPLAIN QUERY PLAN ${query}`)
        .bind(...values)
        .all<{ detail: string }>();
      const plan = results.map(({ detail }) => detail).join("\n");
      expect(plan).toMatch(index);
      expect(plan, query).not.toMatch(/SCAN (?:r|o|l|runs)\b/);
      expect(plan.includes("USE TEMP B-TREE FOR ORDER BY"), plan).toBe(merged);
    }
  });
});
