/**
 * Containers of one machine. They outlive the runner process, as Docker's do. What a job does is decided by the script
 * of its event and by chance: how long it runs, how it ends, whether it heeds SIGTERM, whether it starts at all.
 */
import type {
  AdoptRequest,
  ExecutorFailure,
  Executor,
  Exit,
  Slot,
  SlotRequest,
} from "../runner/src/executors/types.ts";
import { type Clock, delay } from "../runner/src/base/clock.ts";
import { ExecutorError } from "../runner/src/executors/types.ts";
import * as z from "zod";
import type { Rng } from "./rng.ts";
import type { Timeline } from "./timeline.ts";

/** The script of every event in the simulation: what its jobs do. */
export const Behaviour = z.strictObject({
  minMs: z.int(),
  maxMs: z.int(),
  failShare: z.number(),
  oomShare: z.number(),
  startFailShare: z.number(),
  stubborn: z.boolean(),
});
export type Behaviour = z.infer<typeof Behaviour>;

export interface Container {
  readonly runId: string;
  readonly attempt: number;
  readonly machine: string;
  readonly startedAt: number;
  readonly slot: string;
  /** It does not heed SIGTERM. */
  readonly stubborn: boolean;
  readonly exited: Promise<Exit>;
  running: boolean;
  /** Ends it from outside. */
  end(exit: Exit): void;
}

export interface ContainersOptions {
  readonly machine: string;
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly started: (container: Container) => void;
  readonly ended: (container: Container) => void;
}

const SIGTERM_CODE = 143;
const SIGKILL_CODE = 137;
const START_FAILURES = ["image_pull", "start_failed", "daemon"] as const satisfies readonly ExecutorFailure[];

export class Containers {
  readonly all = new Set<Container>();
  private readonly options: ContainersOptions;

  constructor(options: ContainersOptions) {
    this.options = options;
  }

  /**
   * The executor that one runner process drives, by the clock of that process: whoever is stopped or dead hears of
   * nothing. It is forgotten with the process; the containers stay.
   */
  executor(clock: Clock): Executor {
    return {
      name: "simulated",
      hasRuntimeApi: false,
      engineVersion: "simulated",
      notReady: [],
      slots: { take: (request) => this.take(clock, request) },
      open: async () => {},
      check: () => null,
      adopt: async (request) => this.adopt(clock, request),
      sweep: async (isLive) => this.sweep(isLive),
      close: async () => {},
    };
  }

  running(): Container[] {
    return [...this.all].filter((one) => one.running);
  }

  private sweep(isLive: (runId: string, attempt: number, slot: string) => boolean): number {
    const orphans = [...this.all].filter((one) => !isLive(one.runId, one.attempt, one.slot));
    for (const one of orphans) {
      one.end({ code: SIGKILL_CODE, oomKilled: false });
      this.all.delete(one);
    }
    return orphans.length;
  }

  private take(clock: Clock, request: SlotRequest): Slot {
    const { rng } = this.options;
    const behaviour = Behaviour.parse(JSON.parse(request.definition.script));
    const exited = Promise.withResolvers<Exit>();
    let container: Container | null = null;
    return {
      ready: Promise.resolve(),
      exited: exited.promise,
      drained: exited.promise.then(() => {}),
      start: async () => {
        await delay(clock, rng.int(5, 1_500));
        if (rng.chance(behaviour.startFailShare)) {
          throw new ExecutorError(rng.pick(START_FAILURES), "injected: it would not start");
        }
        container = this.run(request, behaviour);
        void watched(clock, container).then(exited.resolve);
      },
      stop: async (graceMs) => {
        if (container === null) {
          exited.resolve({ code: SIGTERM_CODE, oomKilled: false });
        } else {
          await this.stop(clock, container, graceMs);
        }
      },
      remove: () => this.remove(clock, container),
    };
  }

  private adopt(clock: Clock, request: AdoptRequest): Slot | null {
    const container = [...this.all].find((one) => one.slot === request.slot);
    if (container === undefined) {
      return null;
    }
    const exited = watched(clock, container);
    return {
      ready: Promise.resolve(),
      exited,
      drained: exited.then(() => {}),
      start: async () => {},
      stop: (graceMs) => this.stop(clock, container, graceMs),
      remove: () => this.remove(clock, container),
    };
  }

  private async stop(clock: Clock, container: Container, graceMs: number): Promise<void> {
    const { rng } = this.options;
    const wait = container.stubborn ? graceMs + 50 : Math.min(graceMs, rng.int(10, 500));
    await delay(clock, wait);
    container.end({ code: container.stubborn ? SIGKILL_CODE : SIGTERM_CODE, oomKilled: false });
  }

  private async remove(clock: Clock, container: Container | null): Promise<void> {
    if (container !== null) {
      container.end({ code: SIGKILL_CODE, oomKilled: false });
      this.all.delete(container);
    }
    await delay(clock, this.options.rng.int(5, 200));
  }

  private run(request: SlotRequest, behaviour: Behaviour): Container {
    const { timeline, rng, machine, started, ended } = this.options;
    const exited = Promise.withResolvers<Exit>();
    const container: Container = {
      slot: request.slot,
      stubborn: behaviour.stubborn,
      exited: exited.promise,
      runId: request.runId,
      attempt: request.attempt,
      machine,
      startedAt: timeline.now,
      running: true,
      end: (exit) => {
        if (container.running) {
          container.running = false;
          ended(container);
          exited.resolve({ ...exit, ranMs: timeline.now - container.startedAt });
        }
      },
    };
    this.all.add(container);
    const oomKilled = rng.chance(behaviour.oomShare);
    const code = oomKilled ? SIGKILL_CODE : rng.chance(behaviour.failShare) ? rng.int(1, 3) : 0;
    timeline.after(rng.int(behaviour.minMs, behaviour.maxMs), () => container.end({ code, oomKilled }));
    started(container);
    return container;
  }
}

/** The end of a container as a process hears of it. */
async function watched(clock: Clock, container: Container): Promise<Exit> {
  const exit = await container.exited;
  await delay(clock, 1);
  return exit;
}
