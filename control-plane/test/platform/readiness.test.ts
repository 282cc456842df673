import { test, vi } from "vitest";
import type { Deps } from "../../src/deps.ts";
import { checkReadiness } from "../../src/services/readiness.ts";
import { deps, setUp } from "./installation.ts";

const quiet = { ...deps.log, error: vi.fn() };

test("an installation that was never set up is not ready", async ({ expect }) => {
  const readiness = await checkReadiness({ ...deps, log: quiet });
  expect(readiness).toEqual({
    ready: false,
    reasons: [expect.stringMatching(/^The database lacks the migrations 0001_initial\.sql/)],
  });
});

test("an installation whose Dispatcher fails is not ready, and the reason is in the log alone", async ({ expect }) => {
  await setUp();
  const check = (): Promise<never> => Promise.reject(new Error("storage is broken"));
  const broken: Deps = {
    ...deps,
    log: quiet,
    dispatcherFor: (workspaceId) => Object.assign(Object.create(deps.dispatcherFor(workspaceId)), { check }),
  };
  expect(await checkReadiness(broken)).toEqual({ ready: false, reasons: ["The Dispatcher does not answer."] });
  expect(quiet.error).toHaveBeenCalledWith("ready.dispatcher_failed", { error: "Error: storage is broken" });
});

test("once everything answers it is ready", async ({ expect }) => {
  expect(await checkReadiness(deps)).toEqual({ ready: true, reasons: [] });
});
