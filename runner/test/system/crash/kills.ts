/** Kills one process after the other, without a word of warning, and sees to it that each comes back. */
import { setTimeout as after } from "node:timers/promises";
import type { Plane } from "../plane.ts";
import type { RunnerProcess } from "../runner-process.ts";

export interface Kills {
  readonly workerd: number;
  readonly runner: number;
  readonly sidecar: number;
}

export interface KillOptions {
  readonly plane: Plane;
  readonly runners: readonly RunnerProcess[];
  /** Runners whose jobs use the sidecar. */
  readonly withSidecar: readonly RunnerProcess[];
  readonly kills: number;
  readonly everyMs: number;
  /** No more kills once it is aborted. */
  readonly over: AbortSignal;
  readonly say: (line: string) => void;
}

/** A process that came back gets this long to do something: where nothing ever runs, nothing is tested. */
const REST_MS = 3_000;
/** For a runner to be ready again: its pauses between two tries grow to a minute, and the control plane may be away. */
const BACK_WITHIN_MS = 300_000;

/** Resolves when so many processes were killed, and each of them is back. */
export async function killAll(options: KillOptions): Promise<Kills> {
  const { plane, runners, withSidecar, say } = options;
  const count = { workerd: 0, runner: 0, sidecar: 0 };
  // Not waited for at once: while one comes back, the next one dies.
  const comingBack: Promise<void>[] = [];
  const busy = new Set<string>();
  const strike = (name: string, kill: () => Promise<void>): boolean => {
    if (busy.has(name)) {
      return false;
    }
    busy.add(name);
    say(`kill ${name}`);
    const done = kill()
      .then(() => after(REST_MS))
      .finally(() => busy.delete(name));
    // Awaited at the end, after the last kill.
    done.catch(() => {});
    comingBack.push(done);
    return true;
  };
  const victims = [
    () => {
      const [runner] = runners.filter((one) => !busy.has(one.name)).toSorted((a, b) => turn(a) - turn(b));
      if (runner === undefined) {
        return;
      }
      turns.set(runner.name, turn(runner) + 1);
      const hit = strike(runner.name, async () => {
        await runner.kill();
        await runner.restart(BACK_WITHIN_MS);
      });
      count.runner += hit ? 1 : 0;
    },
    () => {
      count.workerd += strike("workerd", () => plane.crash()) ? 1 : 0;
    },
    () => {
      for (const runner of withSidecar.filter((one) => !busy.has(one.name)).slice(0, 1)) {
        say(`kill sidecar of ${runner.name}`);
        count.sidecar += runner.killSidecar();
      }
    },
  ];
  const turns = new Map<string, number>();
  const turn = (runner: RunnerProcess): number => turns.get(runner.name) ?? 0;
  const total = (): number => count.runner + count.workerd + count.sidecar;
  for (let round = 0; total() < options.kills && !options.over.aborted; round += 1) {
    victims[round % victims.length]?.();
    await after(options.everyMs);
  }
  await Promise.all(comingBack);
  return count;
}
