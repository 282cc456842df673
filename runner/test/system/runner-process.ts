/** A real runner process, registered with a fresh token. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endFakeJobs, fakeJobs } from "../fake-jobs.ts";
import type { Plane } from "./plane.ts";
import { childrenOf, startProgram, type Program } from "./processes.ts";
import { eventually } from "./wait.ts";

export interface RunnerProcess {
  readonly name: string;
  readonly dataDir: string;
  readonly pid: () => number;
  readonly exited: () => Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** Starts it again on the same folder, with the credential it has; resolves when it is ready, for two minutes at most. */
  restart(withinMs?: number): Promise<void>;
  /** As `restart`, without waiting. */
  start(): void;
  kill(): Promise<void>;
  drain(): Promise<number | null>;
  /** `kill -9` of its sidecar; how many processes that were. */
  killSidecar(): number;
  /** Process ids of jobs of the fake executor that still run. */
  jobs(): readonly number[];
  output(): string;
  stop(): Promise<void>;
}

export interface RunnerOptions {
  readonly executor: "docker" | "fake";
  readonly capacity?: number;
  /** Most containers kept started for jobs to come. Default: 0, none. */
  readonly warm?: number;
  /** Such as "zone=eu". */
  readonly labels?: readonly string[];
  /** YAML of the local policy. */
  readonly policy?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** More of `up`, such as "--ephemeral". */
  readonly flags?: readonly string[];
  /** Default: a new one for one machine. */
  readonly token?: string;
  /** Where it finds the control plane. Default: the control plane itself. */
  readonly url?: string;
}

let started = 0;

export async function startRunner(plane: Plane, options: RunnerOptions): Promise<RunnerProcess> {
  started += 1;
  const name = `test-${process.pid}-${started}`;
  const dataDir = mkdtempSync(join(tmpdir(), "cronium-runner-"));
  const policy = join(dataDir, "policy.yaml");
  writeFileSync(policy, options.policy ?? "mounts: {}\n");
  const args = [
    ...["runner/src/main.ts", "up", "--name", name, "--data-dir", dataDir, "--policy", policy],
    ...["--url", options.url ?? plane.url, ...(options.flags ?? ["--capacity", String(options.capacity ?? 4)])],
    ...(options.labels ?? []).flatMap((label) => ["--label", label]),
    ...["--warm", String(options.warm ?? 0)],
    ...(options.executor === "fake" ? ["--executor", "fake"] : []),
  ];
  const env = { ...process.env, ...options.env };
  let program: Program = startProgram([...args, "--token", options.token ?? (await plane.registrationToken())], env);
  const online = (withinMs = 120_000): Promise<boolean> =>
    eventually(`runner ${name} to be ready`, withinMs, async () => {
      if (!program.running()) {
        throw new Error(`The runner ended:\n${program.output()}`);
      }
      // A control plane that is down at this moment will answer later.
      const answer = await plane.call("GET", "/runners").catch(() => null);
      return (
        answer?.status === 200 &&
        answer.body.items.some(
          (runner: { name: string; state: string; notReady: string[] }) =>
            runner.name === name && ["online", "busy"].includes(runner.state) && runner.notReady.length === 0,
        )
      );
    });
  const stop = async (): Promise<void> => {
    if (program.running()) {
      program.signal("SIGTERM");
      const hard = setTimeout(() => program.signal("SIGKILL"), 30_000);
      await program.exited;
      clearTimeout(hard);
    }
    endFakeJobs(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await online();
  } catch (error) {
    await stop();
    throw new Error(`The runner did not come online:\n${program.output()}`, { cause: error });
  }
  return {
    name,
    dataDir,
    pid: () => program.pid,
    exited: () => program.exited,
    signal: (signal) => program.signal(signal),
    stop,
    output: () => program.output(),
    restart: async (withinMs) => {
      program = startProgram(args, env);
      await online(withinMs);
    },
    start: () => {
      program = startProgram(args, env);
    },
    kill: async () => {
      program.signal("SIGKILL");
      await program.exited;
    },
    drain: async () => {
      program.signal("SIGTERM");
      return program.exited;
    },
    killSidecar: () => {
      const sidecars = childrenOf(program.pid, "sidecar");
      for (const pid of sidecars) {
        process.kill(pid, "SIGKILL");
      }
      return sidecars.length;
    },
    jobs: () => fakeJobs(dataDir),
  };
}
