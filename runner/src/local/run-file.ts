/**
 * `cronium-runner run FILE`: one script, once, on this machine's own executor and without a control plane. It is the
 * same run in the same container with the same sidecar as any job (`run/`); what a control plane would keep is kept in
 * memory, and its log goes to this terminal. Nothing of a runner that works here is touched.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { JobResult, Json } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Log } from "../base/log.ts";
import { processStart } from "../base/process-start.ts";
import type { Executor } from "../executors/types.ts";
import { applyPolicy, type Policy } from "../policy.ts";
import { sidecarEntry } from "../program-files.ts";
import type { RunDeps, RunJournal } from "../run/deps.ts";
import { Run } from "../run/run.ts";
import { SidecarProcess } from "../sidecar-process.ts";
import { ConsoleLog, type ConsoleStreams } from "./console-log.ts";
import { LocalArtifacts } from "./local-artifacts.ts";
import { LocalCalls } from "./local-calls.ts";
import type { LocalJob } from "./local-job.ts";

/** Images that are missing are made first. */
const IMAGES_WITHIN_MS = 900_000;
const LOOK_EVERY_MS = 200;
/** Of SIGTERM before SIGKILL; a second signal gives none. */
const GRACE_MS = 10_000;

export interface LocalRunOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** `folder`: where it may keep what it needs for this run. */
  readonly makeExecutor: (folder: string) => Executor;
  readonly policy: Policy;
  readonly streams: ConsoleStreams;
  /** Where artifacts of the script go; null: they are forgotten with the run. */
  readonly artifacts: string | null;
  /** Tells the function of each SIGINT and SIGTERM; returns how to stop that. */
  readonly onSignal: (tell: () => void) => () => void;
}

export interface LocalOutcome {
  readonly runId: string;
  readonly result: JobResult;
  /** As the script left them. */
  readonly variables: Readonly<Record<string, Json>>;
  readonly condition: boolean | null;
  readonly name: string | null;
}

/** Throws `ExitError` when nothing can be run. */
export async function runLocally(
  options: LocalRunOptions,
  { job, secrets, variables }: LocalJob,
): Promise<LocalOutcome> {
  const { clock, log, policy, streams } = options;
  const allowed = applyPolicy(onTheSpot(policy, job.definition.container ?? {}), job);
  if (!allowed.ok) {
    throw new ExitError("usage", allowed.message, "Change the policy file, or ask for less.");
  }
  removeStaleFolders();
  const folder = mkdtempSync(join(tmpdir(), `cronium-run-${process.pid}-${processStart(process.pid)}-`));
  const sockets = join(folder, "sockets");
  mkdirSync(sockets);
  const executor = options.makeExecutor(folder);
  const artifacts = new LocalArtifacts(resolve(options.artifacts ?? join(folder, "artifacts")));
  const planeUrl = await artifacts.open();
  const sidecar = new SidecarProcess({
    entry: sidecarEntry,
    socketDir: sockets,
    key: randomBytes(32),
    planeUrl,
    clock,
    log,
  });
  const calls = new LocalCalls({ variables, artifacts, now: () => clock.monotonic() });
  const kept: { output: Json; handedOut: boolean; result: JobResult | null } = {
    output: null,
    handedOut: false,
    result: null,
  };
  const deps: RunDeps = {
    clock,
    log,
    link: { open: true, send: () => {} },
    journal: memoryJournal(kept),
    sidecar,
    executor,
    calls: { call: async (_ref, key, op) => calls.answer(key, op) },
    runnerName: "local",
    policy: () => allowed,
    openSecrets: () => secrets,
    egress: { also: policy.hosts === null ? null : [...policy.hosts], privateRanges: [...policy.privateRanges] },
    logSink: () => new ConsoleLog(streams),
    randomId: () => `s${randomBytes(8).toString("hex")}`,
  };
  try {
    await Promise.all([executor.open(() => {}), sidecar.started()]);
    await untilReady(options, executor, job.definition.runtime);
    const run = new Run(deps, job, allowed.mounts);
    let signals = 0;
    const quiet = options.onSignal(() => {
      signals += 1;
      run.stop("cancelled", signals === 1 ? GRACE_MS : 0);
      if (signals > 1) {
        run.drop("a second signal");
      }
    });
    run.onGranted({ logToken: "", secrets: null, variables: {} });
    await run.finished;
    quiet();
    const { result } = kept;
    if (result === null) {
      throw new ExitError("internal", "The run was stopped before it had a result.", "Run it again.");
    }
    return { runId: job.runId, result, variables: calls.values, condition: calls.condition, name: calls.name };
  } finally {
    await sidecar.stop();
    await executor.sweep(() => false).catch(() => 0);
    await executor.close();
    artifacts.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of processes that were killed. What is another user's stays. */
function removeStaleFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid, start] = /^cronium-run-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && processStart(Number(pid)) !== start) {
      try {
        rmSync(join(tmpdir(), name), { recursive: true, force: true });
      } catch {
        // It is in nobody's way.
      }
    }
  }
}

/** Who names an image or a way out on the command line of this machine is who may allow it. */
function onTheSpot(policy: Policy, container: { readonly image?: string | null | undefined }): Policy {
  const image = container.image ?? null;
  return {
    ...policy,
    networks: ["none", "allowlist", "bridge"],
    images: image === null ? policy.images : [...policy.images, image],
  };
}

async function untilReady(
  { clock, streams }: LocalRunOptions,
  executor: Executor,
  runtime: LocalJob["job"]["definition"]["runtime"],
): Promise<void> {
  const until = clock.monotonic() + IMAGES_WITHIN_MS;
  let told = false;
  for (;;) {
    const problem = executor.check(runtime, "container");
    if (problem === null) {
      return;
    }
    if (executor.notReady.includes("docker_down") || clock.monotonic() > until) {
      throw new ExitError("noExecutor", problem, "cronium-runner doctor says how to mend that.");
    }
    if (!told) {
      told = true;
      streams.notice(`the image for ${runtime} is not on this machine yet; making it`);
    }
    await new Promise<void>((done) => {
      clock.after(LOOK_EVERY_MS, done);
    });
  }
}

function memoryJournal(kept: { output: Json; handedOut: boolean; result: JobResult | null }): RunJournal {
  return {
    write: async (record) => {
      if (record.type === "output") {
        kept.output = record.value;
      } else if (record.type === "exited") {
        kept.result = record.result;
      }
    },
    note: (record) => {
      kept.handedOut ||= record.type === "handed_out";
    },
    get: () => ({ output: kept.output, handedOut: kept.handedOut, resultAcked: false }),
  };
}
