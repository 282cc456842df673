/**
 * Starts the sidecar, keeps it running, and speaks with it. A sidecar that dies is started again; every open slot and
 * bound job is handed to the new one, so a job sees refused connections for a moment and nothing else.
 */
import { type ChildProcess, fork } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type SidecarCommand, SidecarEvent, type SidecarReply } from "@cronium/protocol";
import { type Clock, settledWithin } from "./base/clock.ts";
import { errorText, type Log } from "./base/log.ts";
import { backoffMs } from "./base/retryable.ts";
import type { Sidecar, SidecarBinding } from "./run/deps.ts";

const OPEN_WITHIN_MS = 20_000;
const CLOSE_WITHIN_MS = 5_000;
const RESTART_BASE_MS = 50;
const RESTART_CAP_MS = 5_000;
/** A sidecar that lived this long had a good start; its death counts as the first one. */
const GOOD_START_MS = 10_000;

interface OpenSlot {
  readonly opened: PromiseWithResolvers<void>;
  readonly closed: PromiseWithResolvers<void>;
  binding: SidecarBinding | null;
  handedOut: boolean;
  closing: boolean;
}

export interface SidecarProcessOptions {
  /** The program: source or bundle. */
  readonly entry: string;
  readonly socketDir: string;
  /** Key of the execution tokens, 32 bytes. */
  readonly key: Uint8Array;
  /** Address of the control plane, for artifacts; none by default. */
  readonly planeUrl?: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class SidecarProcess implements Sidecar {
  readonly key: Uint8Array;
  private readonly options: SidecarProcessOptions;
  private readonly slots = new Map<string, OpenSlot>();
  private child: ChildProcess | null = null;
  private ready = false;
  private readonly firstReady = Promise.withResolvers<void>();
  private stopped = false;
  private failures = 0;
  private readonly uncached = new Map<number, () => void>();
  private bornAt = 0;
  private cancelRestart = (): void => {};

  constructor(options: SidecarProcessOptions) {
    this.options = options;
    this.key = options.key;
    this.spawn();
  }

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** Resolves once it runs for the first time. */
  started(): Promise<void> {
    return this.firstReady.promise;
  }

  folderOf(slot: string): string {
    return join(this.options.socketDir, slot);
  }

  async open(slot: string): Promise<void> {
    const state: OpenSlot = {
      opened: Promise.withResolvers<void>(),
      closed: Promise.withResolvers<void>(),
      binding: null,
      handedOut: false,
      closing: false,
    };
    state.opened.promise.catch(() => {});
    this.slots.set(slot, state);
    this.send({ type: "open", slot });
    if (!(await settledWithin(this.options.clock, state.opened.promise, OPEN_WITHIN_MS))) {
      throw new Error(`The sidecar did not open the socket of slot ${slot} within ${OPEN_WITHIN_MS} ms`);
    }
    await state.opened.promise;
  }

  bind(binding: SidecarBinding): void {
    const state = this.slots.get(binding.slot);
    if (state !== undefined) {
      state.binding = binding;
      state.handedOut ||= binding.handedOut;
      this.sendBinding(state, binding);
    }
  }

  async close(slot: string): Promise<void> {
    const state = this.slots.get(slot);
    if (state !== undefined) {
      state.closing = true;
      this.send({ type: "close", slot });
      await settledWithin(this.options.clock, state.closed.promise, CLOSE_WITHIN_MS);
      this.slots.delete(slot);
    }
    rmSync(this.folderOf(slot), { recursive: true, force: true });
  }

  /**
   * Forgets what is cached of these variables, or of all (null). Resolves once no job is given it any more; a sidecar that
   * dies takes its cache along.
   */
  async uncache(id: number, names: readonly string[] | null): Promise<void> {
    if (!this.ready) {
      return;
    }
    await new Promise<void>((resolve) => {
      this.uncached.set(id, resolve);
      this.send({ type: "uncache", id, names: names === null ? null : [...names] });
    });
  }

  /** Names of the slots whose sockets are in use. */
  liveSlots(): ReadonlySet<string> {
    return new Set(this.slots.keys());
  }

  /** Ends it between two of its instructions. */
  kill(): void {
    this.stopped = true;
    this.child?.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelRestart();
    const { child } = this;
    if (child === null || child.exitCode !== null) {
      return;
    }
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.disconnect();
    if (!(await settledWithin(this.options.clock, gone, CLOSE_WITHIN_MS))) {
      child.kill("SIGKILL");
      await gone;
    }
  }

  private spawn(): void {
    const child = fork(this.options.entry, [], {
      // Hostile code talks to it: nothing of the runner's environment belongs there.
      env: {},
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.child = child;
    this.bornAt = this.options.clock.monotonic();
    child.on("message", (message) => this.receive(message));
    child.on("error", (error) => this.options.log.error("sidecar.error", { problem: errorText(error) }));
    child.on("exit", (code, signal) => this.died(child, code, signal));
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr = `${stderr}${chunk.toString()}`.slice(-2_000);
    });
    child.stderr?.on("close", () => {
      if (stderr.trim() !== "" && !this.stopped) {
        this.options.log.error("sidecar.stderr", { text: stderr.trim() });
      }
    });
  }

  private died(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.child !== child || this.stopped) {
      return;
    }
    this.ready = false;
    this.child = null;
    for (const [id, done] of this.uncached) {
      this.uncached.delete(id);
      done();
    }
    const { clock, log } = this.options;
    this.failures = clock.monotonic() - this.bornAt > GOOD_START_MS ? 1 : this.failures + 1;
    const inMs = this.failures === 1 ? 0 : backoffMs(this.failures, 1, RESTART_BASE_MS, RESTART_CAP_MS);
    log.warn("sidecar.died", { code, signal, restartMs: inMs });
    this.cancelRestart = clock.after(inMs, () => this.spawn());
  }

  private receive(message: unknown): void {
    const parsed = SidecarEvent.safeParse(message);
    if (!parsed.success) {
      this.options.log.error("sidecar.bad_message", { problem: parsed.error.message });
      return;
    }
    const event = parsed.data;
    switch (event.type) {
      case "ready":
        this.configure();
        return;
      case "opened":
        this.slots.get(event.slot)?.opened.resolve();
        return;
      case "closed":
        this.slots.get(event.slot)?.closed.resolve();
        return;
      case "handed_out":
        this.markHandedOut(event.slot);
        return;
      case "exit":
        // A hint that comes some 35 ms before Docker's word; a warm pool may use it.
        this.options.log.debug("sidecar.exit_hint", { slot: event.slot, code: event.code });
        return;
      case "egress":
        this.slots.get(event.slot)?.binding?.onEgress(event.text);
        return;
      case "free":
        this.freed(event.slot);
        return;
      case "output":
        void this.storeOutput(event.slot, event.id, event.value);
        return;
      case "token":
        this.concealToken(event);
        return;
      case "call":
        void this.call(event.slot, event);
        return;
      case "uncached":
        this.uncached.get(event.id)?.();
        this.uncached.delete(event.id);
        return;
      case "failed":
        this.failed(event.slot, event.message);
        return;
      default:
        event satisfies never;
    }
  }

  private configure(): void {
    this.ready = true;
    this.send({
      type: "configure",
      key: Buffer.from(this.key).toString("base64url"),
      socketDir: this.options.socketDir,
      planeUrl: this.options.planeUrl ?? null,
    });
    for (const [slot, state] of this.slots) {
      this.send({ type: "open", slot });
      if (state.binding !== null) {
        this.sendBinding(state, state.binding);
      }
      if (state.closing) {
        this.send({ type: "close", slot });
      }
    }
    this.firstReady.resolve();
    this.options.log.info("sidecar.ready", { pid: this.pid, slots: this.slots.size });
  }

  private markHandedOut(slot: string): void {
    const state = this.slots.get(slot);
    if (state !== undefined) {
      state.handedOut = true;
      state.binding?.onHandedOut();
    }
  }

  private freed(slot: string): void {
    const state = this.slots.get(slot);
    const binding = state?.binding ?? null;
    if (state !== undefined) {
      state.binding = null;
      state.handedOut = false;
    }
    binding?.onFree();
  }

  private failed(slot: string | null, message: string): void {
    this.options.log.error("sidecar.failed", { slot, problem: message });
    if (slot !== null) {
      this.slots.get(slot)?.opened.reject(new Error(`The sidecar failed: ${message}`));
    }
  }

  private async storeOutput(slot: string, id: number, value: SidecarBinding["input"]): Promise<void> {
    let ok = false;
    try {
      const store = this.slots.get(slot)?.binding?.store;
      await store?.(value);
      ok = store !== undefined;
    } catch (error) {
      this.options.log.error("sidecar.output_not_stored", { slot, problem: errorText(error) });
    }
    this.send({ type: "stored", id, ok });
  }

  private concealToken({ slot, id, token }: Extract<SidecarEvent, { type: "token" }>): void {
    const binding = this.slots.get(slot)?.binding ?? null;
    binding?.onToken(token);
    this.send({ type: "stored", id, ok: binding !== null });
  }

  private async call(slot: string, { id, key, op }: Extract<SidecarEvent, { type: "call" }>): Promise<void> {
    const answer = await this.slots.get(slot)?.binding?.call(key, op);
    if (answer === undefined) {
      const error = { code: "attempt_not_active", message: "No job runs in this slot." } as const;
      this.send({ type: "answer", id, error });
    } else {
      this.send({ type: "answer", id, ...(answer.ok ? { result: answer.result } : { error: answer.error }) });
    }
  }

  private sendBinding(state: OpenSlot, binding: SidecarBinding): void {
    const { slot, attempt, job, input, secrets, variables, context, egress } = binding;
    const handed = { secrets: { ...secrets }, variables: { ...variables }, ...(egress === null ? {} : { egress }) };
    this.send({ type: "bind", slot, attempt, job, input, ...handed, context, handedOut: state.handedOut, calls: true });
  }

  /** Before `ready`, and between two lives, `configure` will say everything again. */
  private send(message: SidecarCommand | SidecarReply): void {
    if (this.ready && this.child?.connected === true) {
      this.child.send(message, () => {
        // A channel that broke means that the process is gone; `exit` follows.
      });
    }
  }
}
