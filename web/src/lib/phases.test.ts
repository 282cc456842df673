import type { Attempt, Run } from "@cronium/protocol/run";
import { test } from "vitest";
import { phasesOf } from "./phases.ts";

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

const attempt: Attempt = {
  attempt: 1,
  state: "running",
  failReason: null,
  message: null,
  runnerId: "rnr_1",
  runnerName: "r",
  exitCode: null,
  signal: null,
  late: false,
  offeredAt: at(2),
  acceptedAt: at(2),
  startedAt: at(3),
  exitedAt: null,
  finishedAt: null,
};

const run: Run = {
  id: "run_1",
  eventId: null,
  eventName: "e",
  eventVersion: 1,
  runtime: "bash",
  state: "running",
  queueReason: null,
  skipReason: null,
  failReason: null,
  cancelReason: null,
  expireReason: null,
  origin: null,
  message: null,
  trigger: "manual",
  attempt: 1,
  exitCode: null,
  signal: null,
  runnerId: null,
  runnerName: null,
  queuedAt: at(0),
  startedAt: at(3),
  finishedAt: null,
  name: null,
  condition: null,
  progress: null,
  rev: 1,
  artifacts: [],
  input: null,
  output: null,
  logState: "live",
  logBytes: 0,
  notBefore: null,
  cancelRequestedAt: null,
  attempts: [attempt],
  timeoutMs: 1_000,
  memoryMb: 512,
  labels: {},
  priority: 0,
  queue: "default",
  concurrencyKey: null,
  expiresAt: null,
  retryOf: null,
  chained: [],
  executor: "container",
};

const summary = (of: Run, chosen: Attempt | null) =>
  phasesOf(of, chosen).map((phase) => [
    phase.status,
    phase.tone,
    phase.from === null || phase.to === null ? null : (phase.to - phase.from) / 1_000,
  ]);

test("a queued run waits in its first phase", ({ expect }) => {
  const queued: Run = { ...run, state: "queued", startedAt: null, attempts: [] };
  expect(summary(queued, null)).toEqual([
    ["now", "quiet", null],
    ["ahead", "quiet", null],
    ["ahead", "quiet", null],
    ["ahead", "quiet", null],
  ]);
});

test("a running run shows how long it was queued and starting", ({ expect }) => {
  expect(summary(run, attempt)).toEqual([
    ["done", "quiet", 2],
    ["done", "quiet", 1],
    ["now", "live", null],
    ["ahead", "quiet", null],
  ]);
});

test("an outcome is shown where the script had it, not in the bookkeeping after it", ({ expect }) => {
  const failed: Attempt = { ...attempt, state: "failed", exitedAt: at(8), finishedAt: at(9) };
  expect(summary({ ...run, state: "failed", finishedAt: at(9), attempts: [failed] }, failed)).toEqual([
    ["done", "quiet", 2],
    ["done", "quiet", 1],
    ["ended", "bad", 5],
    ["done", "quiet", 1],
  ]);
});

test("a run that never started ends in the phase it was in", ({ expect }) => {
  const cancelled: Run = { ...run, state: "cancelled", startedAt: null, finishedAt: at(4), attempts: [] };
  expect(summary(cancelled, null)[0]).toEqual(["ended", "quiet", 4]);
});

test("a second attempt waits from the end of the first", ({ expect }) => {
  const lost: Attempt = { ...attempt, state: "lost", finishedAt: at(10) };
  const second: Attempt = { ...attempt, attempt: 2, offeredAt: at(15), startedAt: at(16) };
  expect(summary({ ...run, attempt: 2, attempts: [lost, second] }, second)[0]).toEqual(["done", "quiet", 5]);
});
