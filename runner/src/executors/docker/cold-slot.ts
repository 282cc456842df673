/**
 * A slot made for one job: a container created while the control plane still decides, started on its grant.
 *
 * In a row, with what may happen in between: `create` → `attach` → (grant) → `start` → `wait` → `remove`. Output is
 * attached before the start, or its first bytes would be lost. `wait` is only asked after a start that worked and with
 * `not-running`, which answers at once when the job has ended already; asked before the start, with `next-exit`, it
 * hangs for ever if that start fails. It also hangs when the daemon dies, because its answer has begun by then and
 * dockerode never hears of its end; so once the output has ended, `inspect` is asked as well until one of them answers.
 */
import type Docker from "dockerode";
import * as z from "zod";
import type { Runtime } from "@cronium/protocol";
import { type Clock, delay, settledWithin } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import { isDaemonGone } from "../../base/retryable.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import {
  ExecutorError,
  type Exit,
  type SeenBytes,
  type Slot,
  type SlotEvents,
  type SlotProfile,
  type SlotRequest,
} from "../types.ts";
import { answerWithin } from "./answer.ts";
import { createOptions, type CreateContext, type CreateRequest } from "./create-options.ts";
import { makeDemux } from "./demux.ts";
import { explainFailure } from "./explain-failure.ts";
import { type FailedContainers, keptName } from "./failed-containers.ts";
import type { KillWatch } from "./kill-watch.ts";
import { wasOomKilled } from "./oom.ts";
import { folderIsThere } from "./podman.ts";
import type { Removals } from "./removals.ts";
import { ExecTunnel } from "./exec-tunnel.ts";
import type { Furnish, Furnishing } from "./furnishing.ts";
import { sendSignal, type Signal } from "./signal.ts";
import { readFromNow, readStoredLog } from "./stored-log.ts";

/** For the start of one container; an engine that is well and takes longer hangs on it. */
const START_WITHIN_MS = 120_000;
/** After SIGKILL; a process in an uninterruptible wait outlives it. */
const KILL_WITHIN_MS = 15_000;
const SIGKILL_CODE = 137;
const SIGTERM_CODE = 143;
/** What Docker writes down for a container that went with the machine. */
const MACHINE_GONE_CODE = 255;
/** After the end of the output, before Docker is asked whether the container still runs. */
const INSPECT_AFTER_MS = 500;

const WaitAnswer = z.object({ StatusCode: z.int() });

export interface ColdSlotContext {
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Log;
  readonly starts: Semaphore;
  readonly kills: KillWatch;
  readonly failed: FailedContainers;
  readonly removals: Removals;
  readonly create: Omit<CreateContext, "networkModeNone">;
  /** The engine mounts folders when it creates a container, so they have to be there by then. */
  readonly mountsEarly: () => boolean;
  /** What its container needs beside itself. */
  readonly furnish: Furnish;
  /** The daemon seems to be gone, or to go; resolves when it has been asked. */
  readonly suspect: () => Promise<void>;
  /** Whether somebody waits for it to start; always so where this is not given. */
  readonly urgent?: () => boolean;
}

/** A container for one attempt, or, without an attempt, for whichever comes. */
export function makeColdSlot(
  context: ColdSlotContext,
  request: CreateRequest,
  events: SlotEvents,
): Slot & Pick<ColdSlot, "rename"> {
  return new ColdSlot(context, { request, events });
}

export class ColdSlot implements Slot {
  private readonly context: ColdSlotContext;
  private readonly end = Promise.withResolvers<Exit>();
  private readonly drain = Promise.withResolvers<void>();
  private container: Docker.Container | null = null;
  private starting: Promise<void> | null = null;
  private removing: Promise<void> | null = null;
  /** Asked to go twice, it asks Docker once. */
  private isRemoved = false;
  private furnishing: Furnishing | null = null;
  private tunnel: ExecTunnel | null = null;
  private apiFolder: string | null = null;
  private profile: SlotProfile | null = null;
  private readonly abandoned = new AbortController();
  private detach = (): void => {};
  private ended = false;
  /** A signal was ours: nobody needs to ask the engine who sent it. */
  private signalled = false;
  /** SIGKILL was ours: nobody needs to ask the kernel. */
  private killed = false;
  readonly ready: Promise<void>;
  readonly exited: Promise<Exit> = this.end.promise;
  readonly drained: Promise<void> = this.drain.promise;

  constructor(
    context: ColdSlotContext,
    from: { readonly request: CreateRequest; readonly events: SlotEvents } | { readonly container: Docker.Container },
  ) {
    this.context = context;
    if ("container" in from) {
      this.container = from.container;
      this.ready = Promise.resolve();
      this.starting = Promise.resolve();
    } else {
      this.ready = this.prepare(from.request, from.events);
    }
    // Both are awaited late or never, for example when the offer is refused.
    this.ready.catch(() => {});
    this.exited.catch(() => {});
  }

  start(): Promise<void> {
    this.starting ??= this.startNow();
    return this.starting;
  }

  abandon(): void {
    this.abandoned.abort();
  }

  async stop(graceMs: number): Promise<void> {
    const container = this.container;
    if (this.starting === null || container === null) {
      return;
    }
    await this.starting.catch(() => {});
    const { clock } = this.context;
    this.signalled = true;
    await this.signal(container, "SIGTERM");
    if (await settledWithin(clock, this.exited, graceMs)) {
      return;
    }
    this.killed = true;
    await this.signal(container, "SIGKILL");
    if (!(await settledWithin(clock, this.exited, KILL_WITHIN_MS))) {
      // Its run ends here: nothing that it still prints is waited for.
      this.detach();
      this.drain.resolve();
      throw new ExecutorError("stuck", `The container ${container.id.slice(0, 12)} is still there after SIGKILL.`);
    }
  }

  async keep(ref: Pick<SlotRequest, "runId" | "attempt">, untilMs: number): Promise<string | null> {
    const { container } = this;
    const { failed, kills, log } = this.context;
    if (container === null || !this.ended || failed.limit === 0) {
      return null;
    }
    const name = keptName(ref, untilMs);
    await container.rename({ name });
    kills.forget(container.id);
    this.container = null;
    failed.look().catch((error: unknown) => log.debug("kept.not_counted", { problem: errorText(error) }));
    return name;
  }

  remove(): Promise<void> {
    this.removing ??= this.removeNow().finally(() => {
      this.removing = null;
    });
    return this.removing;
  }

  /** Gives it the name that people look for, where it has another. Never rejects. */
  async rename(name: string): Promise<void> {
    try {
      if (!this.ended && this.removing === null) {
        await this.container?.rename({ name });
      }
    } catch (error) {
      this.context.log.debug("docker.not_renamed", { name, problem: errorText(error) });
    }
  }

  /** Takes up a container that runs or has ended. Its end, where it is known, is told before this resolves. */
  async goOn(
    { State: state, HostConfig: { LogConfig } }: Docker.ContainerInspectInfo,
    events: SlotEvents,
    seen: SeenBytes,
  ): Promise<void> {
    const { container } = this;
    if (container === null) {
      return;
    }
    const { clock, docker, log } = this.context;
    const isKept = LogConfig?.Type !== "none";
    void (isKept ? readStoredLog({ container, clock, events, seen }) : readFromNow({ container, events }))
      .catch((error: unknown) => {
        if (this.removing === null && !this.isRemoved) {
          log.error("docker.log_unreadable", { container: container.id, problem: errorText(error) });
          events.lost(1);
        }
      })
      .finally(() => this.drain.resolve());
    if (state.Running) {
      void this.watch(container);
      return;
    }
    this.ended = true;
    const code = state.ExitCode;
    const oomKilled = code === SIGKILL_CODE && (await wasOomKilled(docker, container));
    if (!oomKilled && [SIGTERM_CODE, SIGKILL_CODE, MACHINE_GONE_CODE].includes(code)) {
      // Docker, the machine, a person or the script itself: nobody was there to see it, so it is not held against the script.
      this.end.reject(new ExecutorError("daemon", "The container was stopped while the runner was away."));
      return;
    }
    this.end.resolve({
      code,
      oomKilled,
      ranMs: Math.max(0, Date.parse(state.FinishedAt) - Date.parse(state.StartedAt)),
    });
  }

  private async prepare(request: CreateRequest, events: SlotEvents): Promise<void> {
    this.profile = request.profile;
    this.apiFolder = request.apiFolder;
    try {
      this.furnishing = await this.context.furnish(request, events, this.abandoned.signal);
      const { clock, create, mountsEarly } = this.context;
      if (mountsEarly() && request.apiFolder !== null && !create.tunnelled) {
        await folderIsThere(request.apiFolder, clock, this.abandoned.signal);
      }
      this.container = await this.create(request);
      const output = await this.container.attach({ stream: true, stdout: true, stderr: true });
      this.detach = () => (output as unknown as { destroy(): void }).destroy();
      output.on(
        "data",
        makeDemux((stream, bytes) => events.bytes(stream, bytes)),
      );
      for (const name of ["end", "close", "error"]) {
        output.on(name, () => this.drain.resolve());
      }
    } catch (error) {
      this.drain.resolve();
      throw await this.explain(error);
    }
  }

  private async create(request: CreateRequest): Promise<Docker.Container> {
    const { docker, create } = this.context;
    const options = (networkModeNone: boolean): Docker.ContainerCreateOptions => {
      const base = createOptions({ ...create, networkModeNone }, request);
      return this.furnishing?.apply(base) ?? base;
    };
    try {
      return await docker.createContainer(options(false));
    } catch (error) {
      if (!/network/i.test(errorText(error)) || isDaemonGone(error)) {
        throw error;
      }
      this.context.log.info("docker.network_mode_none", { problem: errorText(error) });
      return docker.createContainer(options(true));
    }
  }

  private async startNow(): Promise<void> {
    await this.ready;
    const container = this.container;
    if (container === null) {
      throw new ExecutorError("start_failed", "The container was not created.");
    }
    try {
      const ask = (abortSignal: AbortSignal): Promise<void> => container.start({ abortSignal });
      const { clock, starts, urgent } = this.context;
      await starts.run(() => answerWithin(clock, START_WITHIN_MS, "start the container", ask), urgent);
    } catch (error) {
      const failure = await this.explain(error);
      this.end.reject(failure);
      throw failure;
    }
    void this.watch(container);
    const { profile } = this;
    if (profile !== null && this.context.create.tunnelled) {
      try {
        await this.openTunnel(profile.runtime, this.apiFolder);
      } catch (error) {
        const failure = await this.explain(error);
        this.end.reject(failure);
        throw failure;
      }
    }
  }

  /** Resolves when the container reaches the slot's sockets, or has ended. */
  async openTunnel(runtime: Runtime, folder: string | null): Promise<void> {
    const { container } = this;
    if (container === null || folder === null) {
      return;
    }
    const { docker, clock, log } = this.context;
    this.tunnel = new ExecTunnel({ docker, clock, log, container, runtime, folder });
    const close = (): void => this.tunnel?.close();
    this.exited.then(close, close);
    await this.tunnel.open();
  }

  private async watch(container: Docker.Container): Promise<void> {
    try {
      const waited = container.wait({ condition: "not-running" }).then((answer) => WaitAnswer.parse(answer).StatusCode);
      const code = await Promise.race([waited, this.codeAfterOutput(container)]);
      const oomKilled = code === SIGKILL_CODE && !this.killed && (await wasOomKilled(this.context.docker, container));
      this.ended = true;
      if (!oomKilled && (await this.wasStoppedByEngine(container, code))) {
        await this.context.suspect();
        throw new ExecutorError(
          "daemon",
          "Docker stopped the container while the job ran, and nobody here asked for it.",
        );
      }
      this.end.resolve({ code, oomKilled });
    } catch (error) {
      this.ended = true;
      this.end.reject(await this.explain(error, "Docker stopped answering while the job ran"));
      this.drain.resolve();
    }
  }

  private async wasStoppedByEngine(container: Docker.Container, code: number): Promise<boolean> {
    if (this.signalled || (code !== SIGTERM_CODE && code !== SIGKILL_CODE)) {
      return false;
    }
    return this.context.kills.wasKilled(container.id);
  }

  /** The exit code by `inspect`; pending for as long as there is output, which is the sign of a daemon that lives. */
  private async codeAfterOutput(container: Docker.Container): Promise<number> {
    await this.drained;
    for (;;) {
      await delay(this.context.clock, INSPECT_AFTER_MS);
      if (this.ended) {
        return 0;
      }
      const { State: state } = await container.inspect();
      if (!state.Running) {
        return state.ExitCode;
      }
    }
  }

  private async signal(container: Docker.Container, signal: Signal): Promise<void> {
    try {
      await sendSignal(this.context, container, signal);
    } catch (error) {
      throw await this.explain(error);
    }
  }

  private async removeNow(): Promise<void> {
    this.abandoned.abort();
    this.tunnel?.close();
    await this.ready.catch(() => {});
    await this.starting?.catch(() => {});
    this.drain.resolve();
    await this.removeContainer();
    await this.furnishing?.remove();
  }

  private async removeContainer(): Promise<void> {
    if (this.container === null || this.isRemoved) {
      return;
    }
    this.context.kills.forget(this.container.id);
    try {
      await this.context.removals.remove(this.container.id);
      this.isRemoved = true;
    } catch (error) {
      throw await this.explain(error);
    }
  }

  private explain(error: unknown, whatHappened?: string): Promise<ExecutorError> {
    const { suspect, create } = this.context;
    return explainFailure(error, { suspect, image: create.image, profile: this.profile, whatHappened });
  }
}
