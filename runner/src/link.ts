/** One control connection of this runner with its leases, and what its Dispatcher was told over it. */
import { CLOCK_SINCE, HOME_SHARD, type MachineFacts, OPERATING_SINCE, type RunnerMessage } from "@cronium/protocol";
import { Connection, type WorkMessage } from "./connection.ts";
import type { LinksOptions } from "./links.ts";
import { Heartbeat } from "./loops/heartbeat.ts";

/** How the machine does goes with a status at most this often. */
const METRICS_EVERY_MS = 25_000;

export type Status = Extract<RunnerMessage, { type: "status" }>;

export interface Link {
  readonly shard: number;
  readonly connection: Connection;
  readonly heartbeat: Heartbeat;
  latencyMs: number | null;
  statusSentAt: number | null;
  /** The facts that it was told last. */
  facts: MachineFacts | null;
  metricsSentAt: number;
  /** Of the control plane. */
  protocol: number;
  /** As it was told last. */
  slots: number;
  wantsUntil: number;
  /** It was declined for want of a slot, and so makes no offers until it hears of one. */
  declined: boolean;
}

export interface LinkOwner {
  /** What the Dispatcher of this shard may fill now. */
  readonly slotsFor: (shard: number) => number;
  readonly welcomed: () => void;
  readonly receive: (link: Link, message: WorkMessage) => void;
  readonly measured: (link: Link, latencyMs: number) => void;
}

/** Not started yet. */
export function makeLink(shard: number, options: LinksOptions, owner: LinkOwner): Link {
  const { url, runnerId, clock, random, capacity } = options;
  const log = shard === HOME_SHARD ? options.log : options.log.child({ shard });
  const connection = new Connection({
    url,
    runnerId,
    shard,
    clock,
    log,
    random,
    handlers: {
      hello: (nonce, protocol) => {
        link.slots = Math.max(1, owner.slotsFor(shard));
        link.protocol = protocol;
        link.facts = options.machine.facts;
        return options.hello(nonce, { shard, slots: link.slots, protocol });
      },
      welcomed: (welcome) => {
        link.statusSentAt = null;
        heartbeat.connected(welcome.leaseMs, welcome.renewMs);
        options.welcomed(welcome, shard);
        owner.welcomed();
      },
      message: (message) => {
        if (message.type === "granted") {
          heartbeat.granted();
        }
        owner.receive(link, message);
      },
      pong: () => heartbeat.pong(),
      closed: () => {
        heartbeat.disconnected();
        options.closed(shard);
      },
      fatal: options.fatal,
    },
  });
  const heartbeat = new Heartbeat({
    clock,
    log,
    ping: () => connection.ping(),
    terminate: () => connection.terminate(),
    leaseLost: () => options.leaseLost(shard),
    measured: (latencyMs) => owner.measured(link, latencyMs),
    renewed: (at, leaseMs) => options.renewed(shard, at, leaseMs),
  });
  const link: Link = {
    shard,
    connection,
    heartbeat,
    latencyMs: null,
    statusSentAt: null,
    facts: null,
    metricsSentAt: Number.NEGATIVE_INFINITY,
    protocol: 0,
    slots: capacity,
    wantsUntil: Number.NEGATIVE_INFINITY,
    declined: false,
  };
  return link;
}

/** What this Dispatcher is told of the machine now; it counts as told. */
export function nextStatus(link: Link, options: LinksOptions): Status {
  link.statusSentAt = options.clock.monotonic();
  link.declined = false;
  const { notReady, draining, paused } = options.status();
  const knows = link.protocol >= OPERATING_SINCE;
  return {
    type: "status",
    notReady,
    draining: draining || (paused && !knows),
    latencyMs: link.latencyMs,
    ...(link.protocol >= CLOCK_SINCE ? { clock: options.clock.now() } : {}),
    ...(knows && paused ? { paused: true } : {}),
    ...(knows && link.shard === HOME_SHARD ? ofMachine(link, options) : {}),
  };
}

/** Facts that are news, and metrics with a status that leaves anyway, though not with each of several in a row. */
function ofMachine(link: Link, options: Pick<LinksOptions, "machine" | "clock">): Pick<Status, "facts" | "metrics"> {
  const { machine, clock } = options;
  const { facts } = machine;
  const news = facts !== null && facts !== link.facts;
  const now = clock.monotonic();
  const due = now - link.metricsSentAt >= METRICS_EVERY_MS;
  link.facts = facts;
  link.metricsSentAt = due ? now : link.metricsSentAt;
  return { ...(news ? { facts } : {}), ...(due ? { metrics: machine.metrics } : {}) };
}
