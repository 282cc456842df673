import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, test, vi } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import type { Log, LogFields } from "../../src/domain/ports.ts";
import { cancelRun } from "../../src/objects/dispatcher/cancel.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { inTurn } from "../../src/objects/dispatcher/turns.ts";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, script } from "./plane.ts";

afterEach(closeAll);

const testEnv = env as unknown as Env;

function collect(): { readonly log: Log; readonly lines: LogFields[] } {
  const lines: LogFields[] = [];
  const note = (event: string, fields: LogFields = {}): void => {
    lines.push({ event, ...fields });
  };
  const log: Log = { info: note, warn: note, error: note, child: () => log };
  return { log, lines };
}

test("one id leads from the request to the run, its offer and its end", async ({ expect }) => {
  const plane = await makePlane();
  // Worker and objects of a test share one console.
  const said = vi.spyOn(console, "info");
  const response = await plane.call("POST", "/runs", script);
  const { runId } = await response.json<{ runId: string }>();
  const connection = await connect(await registerFake(plane));
  const { attempt } = await connection.job();
  await connection.accept({ runId, attempt });
  await connection.finish({ runId, attempt }, { outcome: "failed", failReason: "exit_code", exitCode: 3 });
  const lines = said.mock.calls.map(([line]) => JSON.parse(String(line)) as LogFields);
  const ofRun = lines.filter((line) => line["runId"] === runId && String(line["event"]).startsWith("run."));
  const { workspaceId } = plane;
  expect(ofRun).toMatchObject([
    { event: "run.triggered", requestId: response.headers.get("x-request-id"), workspaceId, runId, created: true },
    { event: "run.dispatched", workspaceId, runId, attempt, runnerId: connection.runner.runnerId },
    { event: "run.finished", workspaceId, runId, attempt, state: "failed" },
  ]);
  expect(ofRun[1]?.["waitedMs"]).toBeGreaterThanOrEqual(0);
  said.mockRestore();
});

test("a turn that fails logs nothing of what it undid", async ({ expect }) => {
  const plane = await makePlane();
  const runId = await plane.trigger();
  const runner = await registerFake(plane);
  const { log, lines } = collect();
  await runInDurableObject(plane.dispatcherStub, (_, state) => {
    const shell = openShell(state, { ...makeDeps(testEnv), log });
    const broken = (): void =>
      inTurn(shell, (turn) => {
        cancelRun(shell, turn, runId);
        throw new Error("broken on purpose");
      });
    expect(broken).toThrow("broken on purpose");
  });
  expect(lines).toEqual([]);
  expect((await (await connect(runner)).job()).runId).toBe(runId);
});
