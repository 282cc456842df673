/** One simulated installation: a Dispatcher, D1, machines, and what a plan does to them. */
import { createHash, type Hash } from "node:crypto";
import {
  makeId,
  RENEW_EVERY_MS,
  OFFER_TIMEOUT_MS,
  PROTOCOL_VERSION,
  ServerMessage,
  CreateEvent,
} from "@cronium/protocol";
import { makeKeyRing } from "../control-plane/src/auth/master-keys.ts";
import type { Deps } from "../control-plane/src/deps.ts";
import { checkUp } from "../control-plane/src/objects/dispatcher/alarm.ts";
import { createEvent } from "../control-plane/src/objects/dispatcher/events.ts";
import { registerRunner } from "../control-plane/src/objects/dispatcher/runners.ts";
import { inTurn } from "../control-plane/src/objects/dispatcher/turns.ts";
import { chainsOf } from "./chains.ts";
import { SimD1 } from "./d1.ts";
import { Machine } from "./machine.ts";
import { ObjectHost } from "./object-host.ts";
import type { Plan } from "./plan.ts";
import { Rng } from "./rng.ts";
import { makeSchedules } from "./schedules.ts";
import { Safety } from "./safety.ts";
import { Timeline } from "./timeline.ts";
import { Violation } from "./violation.ts";

/** 2027-01-15: any instant will do, as long as it is always the same. */
const START_AT = 1_800_000_000_000;
const WATCHDOG_EVERY_MS = 60_000;
const SECRETS_KEY = "pEJxeVzT2bGlAIxGyRhiL9rQ0vhWbL2Qe0sCkEXPnqs";

export interface WorldOptions {
  /** Keeps the whole trace, for people; its hash is always made. */
  readonly keepTrace: boolean;
  /** The wire version of the control plane; its own by default. */
  readonly protocol?: number;
}

export class World {
  readonly plan: Plan;
  readonly timeline = new Timeline();
  readonly object: ObjectHost;
  readonly d1: SimD1;
  readonly machines: readonly Machine[];
  readonly safety: Safety;
  readonly eventIds: readonly string[];
  readonly revoked = new Set<string>();
  /** Triggers that were answered, by order. */
  readonly runIds: string[] = [];
  readonly trace: string[] = [];
  serverSkewMs = 0;
  roomsFail = false;
  steps = 0;
  /** The first guarantee that did not hold. */
  violation: Violation | null = null;
  private readonly rng: Rng;
  /** Apart from all else, so that a plan without schedules goes as it went. */
  private readonly ids: Rng;
  private readonly hash: Hash = createHash("sha256");
  private readonly options: WorldOptions;

  constructor(plan: Plan, options: WorldOptions) {
    this.plan = plan;
    this.options = options;
    this.rng = new Rng(plan.seed ^ 0x5eed);
    this.ids = new Rng(plan.seed ^ 0x1d5);
    const generation = (): (() => boolean) => {
      const mine = this.object.generation;
      return () => this.object.generation === mine;
    };
    this.d1 = new SimD1({
      rng: this.rng.fork(1),
      after: (ms, run) => void this.timeline.after(ms, run),
      answersTo: generation,
      changed: () => this.guard(() => this.safety.projected()),
    });
    this.object = new ObjectHost({
      timeline: this.timeline,
      deps: this.deps(),
      clock: () => this.serverNow(),
      note: (text) => this.note(text),
      broken: (what, error) => this.broken(what, error),
      happened: () => this.guard(() => this.safety.check()),
    });
    this.machines = plan.machines.map((machine, i) => this.machine(machine, i));
    this.safety = new Safety({
      object: this.object,
      leaseMs: plan.leaseMs,
      d1: this.d1,
      machines: () => this.machines,
      now: () => this.timeline.now,
      chains: plan.chains ?? [],
      eventIds: () => this.eventIds,
    });
    this.eventIds = plan.events.map(() => this.newId("event"));
  }

  /** Registers everything and lets the runners come, all of them or these. */
  begin(machines: readonly Machine[] = this.machines): void {
    this.object.call("set up", (shell) => this.setUp(shell));
    for (const machine of machines) {
      machine.start();
    }
    this.watch();
  }

  serverNow(): number {
    return START_AT + this.timeline.now + this.serverSkewMs;
  }

  newId(kind: "run" | "event" | "runner"): string {
    return makeId(kind, this.serverNow(), this.rng.bytes(10));
  }

  /** Virtual waiting on behalf of the Dispatcher's current instance. */
  wait(ms: number): Promise<void> {
    const { generation } = this.object;
    return new Promise((resolve) => {
      this.timeline.after(ms, () => {
        if (generation === this.object.generation) {
          resolve();
        }
      });
    });
  }

  note(text: string): void {
    const line = `${this.timeline.now} ${text}`;
    this.hash.update(line).update("\n");
    if (this.options.keepTrace) {
      this.trace.push(line);
    }
  }

  /** Identifies everything that has happened. */
  digest(): string {
    return this.hash.copy().digest("hex");
  }

  broken(what: string, error: unknown): void {
    if (error instanceof Violation) {
      this.violation ??= error;
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.violation ??= new Violation("no fault of its own", `${what} threw: ${text}`);
  }

  guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.broken("check", error);
    }
  }

  /** Goes on until `until`, or until a guarantee is broken. */
  async run(until: number): Promise<void> {
    while (this.violation === null && this.timeline.step(until)) {
      this.steps += 1;
      // Everything that the step has resolved goes on before the next one.
      await new Promise((resolve) => setImmediate(resolve));
      this.object.settle();
    }
  }

  private setUp(shell: Parameters<typeof createEvent>[0]): void {
    for (const [i, event] of this.plan.events.entries()) {
      const { name, behaviour, definition } = event;
      const eventId = this.eventIds[i] ?? "";
      const chains = chainsOf(this.plan.chains ?? [], i, this.eventIds);
      const script = JSON.stringify(behaviour);
      const parsed = CreateEvent.parse({ name, runtime: "bash", script, ...definition, chains });
      inTurn(shell, (turn) => createEvent(shell, turn, { eventId, event: parsed, causeKey: null, bodyHash: "" }));
    }
    makeSchedules(shell, this.plan.schedules ?? [], this.eventIds, () => this.scheduleIds());
    for (const [i, machine] of this.machines.entries()) {
      inTurn(shell, (turn) =>
        registerRunner(shell, turn, {
          runnerId: machine.id,
          name: `machine-${i}`,
          labels: { ...this.plan.machines[i]?.labels },
          version: "0.0.0",
          platform: { os: "linux", arch: "x64", hostname: "host", node: "24", docker: null, cpus: 2, memoryMb: 2_048 },
          ephemeral: false,
        }),
      );
    }
  }

  private scheduleIds(): string {
    return makeId("schedule", this.serverNow(), this.ids.bytes(10));
  }

  private machine(plan: Plan["machines"][number], index: number): Machine {
    const name = `m${index}`;
    return new Machine({
      runnerId: this.newId("runner"),
      labels: plan.labels,
      slots: plan.slots,
      timeline: this.timeline,
      rng: this.rng.fork(100 + index),
      object: this.object,
      revoked: (runnerId) => this.revoked.has(runnerId),
      note: (text) => this.note(text),
      broken: (what, error) => this.broken(what, error),
      containers: {
        started: (container) => {
          this.note(`${name} container ${container.runId}/${container.attempt} starts`);
          const machine = this.machines[index];
          if (machine !== undefined) {
            this.guard(() => this.safety.containerStarted(container, machine));
          }
        },
        ended: (container) => this.note(`${name} container ${container.runId}/${container.attempt} ends`),
      },
      ended: (machine, why) => this.ended(machine, why),
      toRunner: (machine, text) => this.arrives(machine, text),
      says: (machine, message) => this.safety.offers.said(machine, message),
      sent: (machine, text) => {
        this.guard(() => this.safety.sends(machine, text, this.object.storage.open));
        this.note(`${name} <~ ${brief(text)}`);
      },
      toServer: (machine, text, open, deliver) => {
        this.note(`${name} => ${brief(text)}`);
        // What renews leases; other frames do not, nor a ping into a socket that died with the server.
        if ((open && text === "ping") || text.startsWith('{"type":"hello"')) {
          machine.heard.set(machine.epoch, this.timeline.now);
        }
        this.guard(() => this.judge(machine, text, deliver));
      },
    });
  }

  /** Hands a frame over; one that may change nothing is decided alone, so that what it changes is seen. */
  private judge(machine: Machine, text: string, deliver: () => void): void {
    if (this.safety.untouchable(machine, text).length === 0) {
      deliver();
      return;
    }
    this.object.wake();
    const rows = this.safety.untouchable(machine, text);
    deliver();
    this.object.flush();
    this.safety.untouched(rows);
  }

  private arrives(machine: Machine, text: string): void {
    this.note(`${machine.id.slice(-4)} <= ${brief(text)}`);
    if (text === "pong") {
      return;
    }
    const message = ServerMessage.parse(JSON.parse(text));
    if (message.type === "jobs") {
      this.safety.offers.arrived(machine, message.jobs);
    }
    if (message.type === "granted") {
      for (const { runId, attempt } of message.grants) {
        machine.granted.set(runId, Math.max(machine.granted.get(runId) ?? 0, attempt));
      }
    }
  }

  /** Only who was killed, drained or revoked may end; bad luck with the network is no reason to give up for ever. */
  private ended(machine: Machine, why: string): void {
    if (!["killed", "drained", "aborted"].includes(why) && !this.revoked.has(machine.id)) {
      this.broken("runner", new Violation("L3", `the runner ${machine.id} gave up for ever: ${why}`));
    }
  }

  /** The Worker's cron trigger, once a minute. */
  private watch(): void {
    this.timeline.after(WATCHDOG_EVERY_MS, () => {
      if (!this.object.down) {
        this.object.call("watchdog", checkUp);
      }
      this.watch();
    });
  }

  private deps(): Deps {
    const ids = this.rng.fork(2);
    const rooms = this.rng.fork(3);
    const log = {
      info: () => {},
      warn: () => {},
      error: (event: string, fields?: Readonly<Record<string, unknown>>) => this.failedInside(event, fields),
      child: () => log,
    };
    const deps: Pick<Deps, "config" | "clock" | "ids" | "log" | "d1" | "blobs" | "logRoomFor"> = {
      config: {
        publicUrl: "",
        authSecret: "",
        logTokenKey: "simulated key of log tokens",
        launcherKey: null,
        secretKeys: makeKeyRing(SECRETS_KEY, ""),
        leaseMs: this.plan.leaseMs,
        renewMs: RENEW_EVERY_MS,
        offerTimeoutMs: OFFER_TIMEOUT_MS,
        keepFinishedMs: 3_600_000,
        registration: "closed",
        securityContacts: [],
        outboundNetworks: [],
        trustedProxies: [],
        requestRates: { address: 0, failures: 0, user: 0, key: 0, workspace: 0 },
        mail: null,
        oidc: null,
        github: null,
        protocol: this.options.protocol ?? PROTOCOL_VERSION,
      },
      clock: { now: () => this.serverNow() },
      ids: { random: (count) => ids.bytes(count) },
      log,
      d1: this.d1 as unknown as D1Database,
      blobs: { put: async () => {}, get: async () => null, delete: async () => {} },
      logRoomFor: () =>
        ({
          runChanged: async () => {},
          finish: async () => {
            await this.wait(rooms.int(1, 50));
            if (this.roomsFail) {
              throw new Error("injected: the room does not answer");
            }
          },
        }) as unknown as ReturnType<Deps["logRoomFor"]>,
    };
    return deps as Deps;
  }

  /** The alarm never throws, but says so when its turn did. */
  private failedInside(event: string, fields: Readonly<Record<string, unknown>> | undefined): void {
    const error = String(fields?.["error"]);
    if (!error.includes("injected")) {
      this.broken(event, new Error(error));
    }
  }
}

/** A frame without what would only fill the trace: tokens and scripts. */
function brief(text: string): string {
  if (text === "ping" || text === "pong") {
    return text;
  }
  return text
    .replaceAll(/"(logToken|signature|nonce)":"[^"]*"/g, '"$1":"…"')
    .replaceAll(/"(definition|platform)":\{(?:[^{}]|\{[^{}]*\})*\}/g, '"$1":"…"');
}
