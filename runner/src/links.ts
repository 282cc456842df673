/**
 * The control connections of this runner: one to the workspace's own Dispatcher ("home"), and one to each shard that it
 * names. A frame about an attempt goes over the connection of its run's shard, which the run's id tells; what concerns
 * the whole machine goes over all of them.
 *
 * Each connection has its own leases: when one goes dark, only its attempts are fenced, and the others work on. Slots
 * are shared; how is told in `slot-shares.ts`.
 */
import { HOME_SHARD, OPERATING_SINCE, type RunnerMessage, shardOf, type Transport } from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import type { ExitError } from "./base/exit-error.ts";
import { errorText, type Log } from "./base/log.ts";
import type { Hello, Welcome, WorkMessage } from "./connection.ts";
import type { Machine } from "./machine.ts";
import type { ControlLink } from "./run/deps.ts";
import { type Link, makeLink, nextStatus, type Status } from "./link.ts";
import { slotShares } from "./slot-shares.ts";

/** The measured round trip is told this often at most, because each message wakes the control plane's object. */
const STATUS_EVERY_MS = 300_000;
/** Changes that come together are told together. */
const TELL_SLOTS_MS = 20;
/** A slot is kept no longer than this for a Dispatcher that was declined: it may have found another runner. */
const WANTS_FOR_MS = 6_000;

export interface LinksOptions {
  readonly url: string;
  readonly runnerId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly capacity: number;
  /** Jobs of this shard that take a slot now. */
  readonly occupied: (shard: number) => number;
  /** `slots`: what this Dispatcher may fill. */
  readonly hello: (
    nonce: string,
    at: { readonly shard: number; readonly slots: number; readonly protocol: number },
  ) => Hello;
  /** False while a job was declined for want of something else than a slot. Default: true. */
  readonly hasRoom?: () => boolean;
  /** `paused`: by a person at this machine. */
  readonly status: () => Pick<Status, "notReady" | "draining"> & { readonly paused: boolean };
  readonly machine: Pick<Machine, "facts" | "metrics" | "measure">;
  readonly welcomed: (welcome: Welcome, shard: number) => void;
  readonly message: (message: Exclude<WorkMessage, { type: "shards" | "measure" }>) => void;
  readonly closed: (shard: number) => void;
  /** The leases of this shard's attempts are about to run out. */
  readonly leaseLost: (shard: number) => void;
  readonly renewed: (shard: number, at: number, leaseMs: number) => void;
  readonly fatal: (error: ExitError) => void;
}

export class Links implements ControlLink {
  private readonly options: LinksOptions;
  private readonly links = new Map<number, Link>();
  private started = false;
  private stopped = false;
  private cancelTell: (() => void) | null = null;

  constructor(options: LinksOptions) {
    this.options = options;
    this.link(HOME_SHARD);
  }

  /** Whether any of them is up. */
  get open(): boolean {
    return [...this.links.values()].some(({ connection }) => connection.open);
  }

  /** What carries the connection to home; logs take the same way. */
  get transport(): Transport {
    return this.link(HOME_SHARD).connection.transport;
  }

  /** Each connection as it is now. */
  states(): {
    readonly shard: number;
    readonly connected: boolean;
    readonly transport: Transport;
    readonly latencyMs: number | null;
  }[] {
    return [...this.links.values()].map(({ shard, connection, latencyMs }) => ({
      shard,
      connected: connection.open,
      transport: connection.transport,
      latencyMs,
    }));
  }

  /** What the Dispatcher of this run speaks; null before it has said so. */
  protocolFor(runId: string): number | null {
    return this.links.get(shardOf(runId))?.protocol || null;
  }

  openFor(runId: string): boolean {
    return this.links.get(shardOf(runId))?.connection.open ?? false;
  }

  start(): void {
    this.started = true;
    for (const { connection } of this.links.values()) {
      connection.start();
    }
  }

  /** Keeps a connection to this shard, also before home has named it. */
  serve(shard: number): void {
    this.link(shard);
  }

  /** Goes on with leases that an earlier process held; `at` by the monotonic clock. */
  resume(shard: number, at: number, leaseMs: number): void {
    this.link(shard).heartbeat.resume(at, leaseMs);
  }

  send(message: RunnerMessage): void {
    switch (message.type) {
      case "accept":
      case "done":
        this.sendByShard(message);
        break;
      case "decline":
        this.declined(message);
        this.links.get(shardOf(message.runId))?.connection.send(message);
        break;
      case "call":
        this.links.get(shardOf(message.runId))?.connection.send(message);
        return;
      case "uncached":
      case "metrics":
        this.links.get(HOME_SHARD)?.connection.send(message);
        return;
      case "started":
      case "exited":
        this.links.get(shardOf(message.runId))?.connection.send(message);
        break;
      case "renew":
      case "status":
      case "bye":
      case "hello":
        for (const { connection } of this.links.values()) {
          connection.send(message);
        }
        return;
      default:
        message satisfies never;
    }
    this.tellSlotsSoon();
  }

  /** Takes the runner out for good: asks whether that can be said now, or says it. Its end comes as a fatal refusal. */
  leave(what: "ask" | "send"): boolean {
    const home = this.link(HOME_SHARD);
    if (!home.connection.open || home.protocol < OPERATING_SINCE) {
      return false;
    }
    if (what === "send") {
      home.connection.send({ type: "bye", leave: true });
    }
    return true;
  }

  /** To every Dispatcher that is connected. */
  sendStatus(): void {
    for (const link of this.links.values()) {
      this.sendStatusTo(link);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTell?.();
    await Promise.all(
      [...this.links.values()].map(async ({ connection, heartbeat }) => {
        heartbeat.stop();
        await connection.stop();
      }),
    );
  }

  private link(shard: number): Link {
    const known = this.links.get(shard);
    if (known !== undefined) {
      return known;
    }
    const made = makeLink(shard, this.options, {
      slotsFor: (of) => this.slotsFor(of),
      welcomed: () => this.tellSlotsSoon(),
      receive: (link, message) => this.receive(link, message),
      measured: (link, latencyMs) => this.measured(link, latencyMs),
    });
    this.links.set(shard, made);
    if (this.started && !this.stopped) {
      made.connection.start();
    }
    return made;
  }

  private receive(link: Link, message: WorkMessage): void {
    if (message.type === "measure") {
      const sent = this.options.machine.measure().then((metrics) => link.connection.send({ type: "metrics", metrics }));
      sent.catch((error: unknown) => this.options.log.warn("machine.unknown", { problem: errorText(error) }));
      return;
    }
    if (message.type !== "shards") {
      this.options.message(message);
      return;
    }
    for (const shard of message.shards) {
      this.link(shard);
    }
    this.tellSlotsSoon();
  }

  private sendByShard(message: Extract<RunnerMessage, { type: "accept" | "done" }>): void {
    for (const { shard, connection } of this.links.values()) {
      const isOurs = ({ runId }: { readonly runId: string }): boolean => shardOf(runId) === shard;
      const ours: typeof message =
        message.type === "accept"
          ? { type: "accept", jobs: message.jobs.filter(isOurs) }
          : { type: "done", jobs: message.jobs.filter(isOurs) };
      if (ours.jobs.length > 0) {
        connection.send(ours);
        if (ours.type === "accept") {
          this.setWants(shard, false);
        }
      }
    }
  }

  private declined({ runId, reason }: Extract<RunnerMessage, { type: "decline" }>): void {
    if (reason === "full") {
      this.setWants(shardOf(runId), true);
    }
  }

  private setWants(shard: number, wants: boolean): void {
    const link = this.links.get(shard);
    if (link !== undefined && this.links.size > 1) {
      const { clock } = this.options;
      link.declined = wants;
      link.wantsUntil = wants ? clock.monotonic() + WANTS_FOR_MS : Number.NEGATIVE_INFINITY;
      if (wants) {
        clock.after(WANTS_FOR_MS + 1, () => this.tellSlotsSoon());
      }
    }
  }

  private shares(): Map<number, number> {
    const now = this.options.clock.monotonic();
    const shares = [...this.links.values()].map(({ shard, wantsUntil }) => ({
      shard,
      occupied: this.options.occupied(shard),
      wants: wantsUntil > now,
    }));
    return slotShares(this.options.capacity, shares);
  }

  private slotsFor(shard: number): number {
    return this.shares().get(shard) ?? this.options.capacity;
  }

  /** Nothing is to be told while there is one Dispatcher: it counts its own jobs. */
  private tellSlotsSoon(): void {
    if (this.links.size > 1 && this.cancelTell === null && !this.stopped) {
      this.cancelTell = this.options.clock.after(TELL_SLOTS_MS, () => {
        this.cancelTell = null;
        const shares = this.shares();
        const links = [...this.links.values()];
        const occupied = links.reduce((sum, { shard }) => sum + this.options.occupied(shard), 0);
        for (const link of links) {
          const hasRoom = occupied < this.options.capacity && this.options.hasRoom?.() !== false;
          const mayOffer = link.declined && hasRoom;
          if (mayOffer || link.slots !== shares.get(link.shard)) {
            this.sendStatusTo(link);
          }
        }
      });
    }
  }

  private sendStatusTo(link: Link): void {
    if (!link.connection.open) {
      return;
    }
    const status = nextStatus(link, this.options);
    if (this.links.size === 1) {
      link.connection.send(status);
      return;
    }
    link.slots = this.slotsFor(link.shard);
    link.connection.send({ ...status, slots: link.slots });
  }

  private measured(link: Link, latencyMs: number): void {
    link.latencyMs = Math.round(latencyMs * 10) / 10;
    const now = this.options.clock.monotonic();
    if (link.statusSentAt === null || now - link.statusSentAt > STATUS_EVERY_MS) {
      this.sendStatusTo(link);
    }
  }
}
