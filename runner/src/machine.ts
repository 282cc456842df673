/**
 * The machine this runner works on: what it is, looked up at the start and when the container engine comes back, and how
 * it does, measured when somebody asks. Nothing here waits in the way of a job, and nothing is decided by it.
 */
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { freemem, loadavg, platform, release, totalmem } from "node:os";
import { promisify } from "node:util";
import { type MachineFacts, type MachineMetrics, type Runtime, runtimes } from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import { errorText, type Log } from "./base/log.ts";
import type { Executor } from "./executors/types.ts";
import type { Runs } from "./run/runs.ts";

const run = promisify(execFile);

const MB = 1_048_576;
/** Disks fill slowly enough for those who only glance at them. */
const LOOK_AT_DISKS_MS = 30_000;
const ANSWER_WITHIN_MS = 5_000;

/** As the process executor starts them. */
const VERSION_COMMANDS: Readonly<Record<Runtime, readonly [string, readonly string[]]>> = {
  python: ["python3", ["--version"]],
  node: ["node", ["--version"]],
  bash: ["bash", ["-c", "echo $BASH_VERSION"]],
};

export interface MachineOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly executor: Pick<Executor, "engine" | "warm">;
  readonly dataDir: string;
  /** Whether the local policy lets scripts run without a container. */
  readonly process: boolean;
  readonly runs: Pick<Runs, "occupied" | "memoryMb">;
  /** What the memory limits of jobs may add up to; null for as much as they like. */
  readonly memoryBudgetMb: number | null;
  /** The facts are others than before. */
  readonly changed: () => void;
}

export class Machine {
  private readonly options: MachineOptions;
  private enginePath: string | null = null;
  private diskFreeMb: MachineMetrics["diskFreeMb"] = { data: null, engine: null };
  private looking: Promise<void> | null = null;
  private lookAgain = false;
  private cancelTimer = (): void => {};
  /** Null before the first look is over. */
  facts: MachineFacts | null = null;

  constructor(options: MachineOptions) {
    this.options = options;
  }

  /** Looks now and then regularly; resolves after the first look. */
  async open(): Promise<void> {
    this.cancelTimer = this.options.clock.every(LOOK_AT_DISKS_MS, () => void this.lookAtDisks());
    await this.look();
  }

  close(): void {
    this.cancelTimer();
  }

  /** The engine may be another one now. Nothing to do before the first look. */
  engineBack(): void {
    if (this.facts !== null) {
      void this.look();
    }
  }

  /** Something may be another: looks again. Never rejects. */
  private look(): Promise<void> {
    if (this.looking === null) {
      this.looking = this.gather().finally(() => {
        this.looking = null;
        if (this.lookAgain) {
          this.lookAgain = false;
          void this.look();
        }
      });
    } else {
      this.lookAgain = true;
    }
    return this.looking;
  }

  /** Now; only the disks may be half a minute old. */
  get metrics(): MachineMetrics {
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return {
      load: [one, five, fifteen].map((load) => Math.round(load * 100) / 100) as [number, number, number],
      memoryUsedMb: Math.max(0, Math.round((totalmem() - freemem()) / MB)),
      diskFreeMb: this.diskFreeMb,
      slotsUsed: this.options.runs.occupied,
      jobsMemoryMb: this.options.runs.memoryMb,
      memoryBudgetMb: this.options.memoryBudgetMb,
      waiting: [...(this.options.executor.warm?.counts ?? [])].slice(0, 64),
    };
  }

  async measure(): Promise<MachineMetrics> {
    await this.lookAtDisks();
    return this.metrics;
  }

  private async gather(): Promise<void> {
    const { executor, dataDir, log } = this.options;
    try {
      const [engine, versions] = await Promise.all([
        executor.engine?.().catch(() => null) ?? null,
        Promise.all(runtimes.map(async (runtime) => [runtime, await interpreterVersion(runtime)] as const)),
      ]);
      const enginePath = engine?.folder ?? null;
      const [data, ofEngine] = await Promise.all([diskAt(dataDir), diskAt(enginePath)]);
      this.enginePath = enginePath;
      this.diskFreeMb = { data: data?.freeMb ?? null, engine: ofEngine?.freeMb ?? null };
      const facts: MachineFacts = {
        kernel: `${platform() === "linux" ? "Linux" : platform()} ${release()}`.slice(0, 128),
        engine:
          engine === null
            ? null
            : {
                name: engine.name.slice(0, 64),
                version: engine.version.slice(0, 64),
                api: engine.api.slice(0, 16),
                containerd: engine.containerd?.slice(0, 64) ?? null,
                cgroup: engine.cgroup,
                rootless: engine.rootless,
              },
        interpreters: Object.fromEntries(versions) as MachineFacts["interpreters"],
        process: this.options.process,
        disks: { data: sizeOf(data), engine: sizeOf(ofEngine) },
      };
      if (JSON.stringify(facts) !== JSON.stringify(this.facts)) {
        this.facts = facts;
        this.options.changed();
      }
    } catch (error) {
      log.warn("machine.unknown", { problem: errorText(error) });
    }
  }

  private async lookAtDisks(): Promise<void> {
    const [data, engine] = await Promise.all([diskAt(this.options.dataDir), diskAt(this.enginePath)]);
    this.diskFreeMb = { data: data?.freeMb ?? null, engine: engine?.freeMb ?? null };
  }
}

interface DiskState {
  readonly path: string;
  readonly sizeMb: number;
  readonly freeMb: number;
}

function sizeOf(disk: DiskState | null): { path: string; sizeMb: number } | null {
  return disk === null ? null : { path: disk.path, sizeMb: disk.sizeMb };
}

/** Null where the folder is not on this machine, as an engine's elsewhere. */
async function diskAt(path: string | null): Promise<DiskState | null> {
  if (path === null) {
    return null;
  }
  try {
    const { bsize, blocks, bavail } = await statfs(path);
    const mb = (count: number): number => Math.floor((count * bsize) / MB);
    return { path: path.slice(0, 1_024), sizeMb: mb(blocks), freeMb: mb(bavail) };
  } catch {
    return null;
  }
}

/** Null where it is not in the path, or does not answer in 5 s. */
async function interpreterVersion(runtime: Runtime): Promise<string | null> {
  const [program, args] = VERSION_COMMANDS[runtime];
  try {
    const { stdout } = await run(program, [...args], { timeout: ANSWER_WITHIN_MS });
    return /\d[\w.+~-]*/.exec(stdout)?.[0].slice(0, 64) ?? null;
  } catch {
    return null;
  }
}
