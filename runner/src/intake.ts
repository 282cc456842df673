/** Whether this machine takes jobs now, and how much of them: its readiness, the pause of a person, memory, what it is. */
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { Executor } from "./executors/types.ts";
import { Readiness } from "./loops/readiness.ts";
import { Machine } from "./machine.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { Pause } from "./pause.ts";
import type { Runs } from "./run/runs.ts";

export interface IntakeOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly executor: Executor;
  readonly dataDir: string;
  readonly runs: Runs;
  /** What the memory limits of jobs may add up to; null for as much as they like. */
  readonly memoryMb: number | null;
  /** Whether the local policy lets scripts run without a container. */
  readonly process: boolean;
  /** Something of it has to be told. */
  readonly changed: () => void;
  /** Docker answers; it may have been away. */
  readonly engineThere: () => void;
}

export class Intake {
  readonly readiness: Readiness;
  readonly pause: Pause;
  readonly memory: MemoryBudget;
  readonly machine: Machine;

  constructor({ clock, log, executor, dataDir, runs, memoryMb, process, changed, engineThere }: IntakeOptions) {
    this.pause = new Pause(dataDir, log, changed);
    this.memory = new MemoryBudget({
      budgetMb: memoryMb,
      usedMb: () => runs.memoryMb,
      clock,
      roomAgain: changed,
    });
    this.machine = new Machine({ clock, log, executor, dataDir, process, runs, memoryBudgetMb: memoryMb, changed });
    this.readiness = new Readiness({
      clock,
      log,
      executor,
      dataDir,
      changed: (reasons) => {
        changed();
        if (!reasons.includes("docker_down")) {
          engineThere();
          this.machine.engineBack();
        }
      },
    });
  }
}
