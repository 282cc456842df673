/**
 * What runners say of their machines. Facts come with a hello, metrics with a status that is due anyway: both are written
 * with the runner's row. In between nobody is asked, so that an idle runner leaves the object asleep. Who looks at one
 * runner makes its Dispatcher ask (`measure`), and the answer stays in memory.
 */
import type { MachineMetrics, RunnerDetail, RunnerMessage } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { OPERATING_SINCE } from "@cronium/protocol/version";
import type { Outcome } from "../../domain/dispatcher.ts";
import type { MetricsAt, RunnerRecord } from "../../domain/runner.ts";
import { viewRunner } from "./runners.ts";
import { readLiveAttempts } from "./attempts.ts";
import { readRun } from "./run-rows.ts";
import type { Shell } from "./shell.ts";
import { readyLink, send } from "./sockets.ts";

/** What was measured this lately is shown to the next who looks. */
const FRESH_MS = 2_000;
/** Who looks waits no longer for a machine that is slow to answer, and is shown what was known. */
const ANSWER_WITHIN_MS = 1_000;
const SHOWN_JOBS = 100;

export interface Measured {
  readonly latest: Map<string, MetricsAt>;
  /** Those who wait for a runner's answer. */
  readonly asking: Map<string, { readonly answered: Promise<void>; readonly settle: () => void }>;
}

/** What a status says of the machine, as a change of the runner. */
export function machineSaid(
  shell: Shell,
  runnerId: string,
  { paused, facts, metrics }: Extract<RunnerMessage, { type: "status" }>,
  now: number,
): Partial<RunnerRecord> {
  if (metrics !== undefined) {
    noteMetrics(shell, runnerId, metrics);
  }
  return {
    machinePausedAt: paused === true ? (shell.fleet.get(runnerId)?.machinePausedAt ?? now) : null,
    ...(facts === undefined ? {} : { facts }),
    ...(metrics === undefined ? {} : { metrics: { at: now, metrics } }),
  };
}

export function noteMetrics(shell: Shell, runnerId: string, metrics: MachineMetrics): void {
  const { latest, asking } = shell.measured;
  latest.set(runnerId, { at: shell.deps.clock.now(), metrics });
  asking.get(runnerId)?.settle();
}

/** With what its machine says at this moment, where home is asked; a shard adds the jobs that it has there. */
export async function inspectRunner(shell: Shell, runnerId: string): Promise<Outcome<RunnerDetail>> {
  if (shell.shard === HOME_SHARD) {
    await measure(shell, runnerId);
  }
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined) {
    return { ok: false, code: "not_found", message: `There is no runner ${runnerId}.` };
  }
  return { ok: true, value: { ...viewRunner(shell, runner), facts: runner.facts, ...seen(shell, runner) } };
}

function seen(shell: Shell, runner: RunnerRecord): Pick<RunnerDetail, "metrics" | "jobs"> {
  const newest = shell.measured.latest.get(runner.id) ?? runner.metrics;
  const jobs = readLiveAttempts(shell, runner.id).slice(0, SHOWN_JOBS);
  return {
    metrics: newest === null ? null : { ...newest.metrics, at: new Date(newest.at).toISOString() },
    jobs: jobs.flatMap(({ runId, attempt, startedAt }) => {
      const run = readRun(shell, runId);
      return run === null
        ? []
        : [
            {
              runId,
              attempt,
              eventName: run.eventName,
              state: run.state,
              startedAt: startedAt === null ? null : new Date(startedAt).toISOString(),
            },
          ];
    }),
  };
}

/** Resolves when the machine has answered, cannot be asked, or takes too long. */
async function measure(shell: Shell, runnerId: string): Promise<void> {
  const { latest, asking } = shell.measured;
  const runner = shell.fleet.get(runnerId);
  const link = runner?.connected === true && runner.protocol >= OPERATING_SINCE ? readyLink(shell, runnerId) : null;
  const last = latest.get(runnerId);
  if (link === null || (last !== undefined && shell.deps.clock.now() - last.at < FRESH_MS)) {
    return;
  }
  const asked = asking.get(runnerId);
  if (asked !== undefined) {
    return asked.answered;
  }
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const settle = (): void => {
    clearTimeout(timer);
    asking.delete(runnerId);
    resolve();
  };
  const timer = setTimeout(settle, ANSWER_WITHIN_MS);
  asking.set(runnerId, { answered, settle });
  send(link, { type: "measure" });
  await answered;
}
