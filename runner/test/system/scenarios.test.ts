/** Runs every file in `scenarios/` against a real control plane and a real runner. */
import { readdirSync, readFileSync } from "node:fs";
import { isTerminal, type Run, type RunState } from "@cronium/protocol";
import { afterAll, beforeAll, describe, it } from "vitest";
import { containersOf } from "./leftovers.ts";
import { startPlane, type Plane } from "./plane.ts";
import { startRunner, type RunnerProcess } from "./runner-process.ts";
import { Scenario } from "./scenario.ts";
import { eventually } from "./wait.ts";

const folder = new URL("scenarios/", import.meta.url);
const scenarios = readdirSync(folder)
  .toSorted()
  .map((file) => ({ file, scenario: Scenario.parse(JSON.parse(readFileSync(new URL(file, folder), "utf8"))) }));

describe("scenarios", () => {
  let plane: Plane;
  beforeAll(async () => {
    plane = await startPlane();
  });
  afterAll(async () => {
    await plane.stop();
  });

  for (const { file, scenario } of scenarios) {
    it(`${scenario.title} (${file})`, async ({ expect }) => {
      const runner = await startRunner(plane, {
        executor: scenario.executor,
        ...(scenario.policy === undefined ? {} : { policy: scenario.policy }),
      });
      const others: RunnerProcess[] = [];
      try {
        const created = await plane.call("POST", "/events", {
          name: scenario.title.slice(0, 200),
          kind: "script",
          ...scenario.event,
        });
        expect(created, JSON.stringify(created.body)).toMatchObject({ status: 201 });
        const accepted = await plane.call("POST", `/events/${created.body.id}/runs`, { input: scenario.input });
        expect(accepted.status).toBe(202);
        const runId = accepted.body.runId as string;
        for (const action of scenario.actions) {
          await reached(plane, runId, action.when, action.logged);
          if (action.do === "start_other_runner") {
            others.push(await startRunner(plane, { executor: scenario.executor }));
          } else {
            await act(plane, runner, runId, action.do);
          }
        }
        const run = await eventually(`run ${runId} to end`, scenario.deadlineMs, async () => {
          const { body } = await plane.call("GET", `/runs/${runId}`);
          return isTerminal(body.state as RunState) ? (body as Run) : null;
        });
        await verify(expect, plane, scenario, run);
        await eventually(
          "every container of the run to be gone",
          120_000,
          async () => (await containersOf(runId)).length === 0,
        );
      } catch (error) {
        throw new Error(`${(error as Error).message}\nThe runner said:\n${runner.output().slice(-3_000)}`, {
          cause: error,
        });
      } finally {
        await Promise.all([runner, ...others].map((one) => one.stop()));
      }
    });
  }
});

async function reached(plane: Plane, runId: string, state: string, text: string | undefined): Promise<void> {
  await eventually(`run ${runId} to be ${state}`, 120_000, async () => {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    if (body.state !== state && isTerminal(body.state as RunState)) {
      throw new Error(`The run ended as ${body.state} (${body.failReason}: ${body.message}) before it was ${state}.`);
    }
    return body.state === state;
  });
  if (text !== undefined) {
    await eventually(`the log of ${runId} to hold ${text}`, 120_000, async () =>
      (await plane.logOf(runId)).includes(text),
    );
  }
}

async function act(
  plane: Plane,
  runner: RunnerProcess,
  runId: string,
  what: Exclude<Scenario["actions"][number]["do"], "start_other_runner">,
): Promise<void> {
  switch (what) {
    case "cancel":
      await plane.call("POST", `/runs/${runId}/cancel`);
      return;
    case "crash_plane":
      return plane.crash();
    case "kill_runner":
      return runner.kill();
    case "restart_runner":
      return runner.restart();
    case "kill_sidecar":
      runner.killSidecar();
      return;
    case "drain_runner":
      await runner.drain();
      return;
    default:
      throw new Error(`Unknown action ${String(what satisfies never)}.`);
  }
}

async function verify(
  // oxlint-disable-next-line typescript/no-explicit-any -- the type of a test's own expect
  expect: (value: unknown, message?: string) => any,
  plane: Plane,
  scenario: Scenario,
  run: Run,
): Promise<void> {
  const { log, logBytes, message, ...fields } = scenario.expect;
  expect(run, JSON.stringify(run, null, 1)).toMatchObject(fields);
  if (message !== undefined) {
    expect(run.message).toContain(message);
  }
  if (log !== undefined || logBytes !== undefined) {
    const bytes = await plane.logOf(run.id);
    let from = 0;
    for (const text of log ?? []) {
      const at = bytes.indexOf(text, from);
      expect(at, `${JSON.stringify(text)} in ${bytes.subarray(0, 2_000).toString()}`).toBeGreaterThanOrEqual(from);
      from = at + 1;
    }
    expect(bytes.length).toBeGreaterThanOrEqual(logBytes ?? 0);
  }
}
