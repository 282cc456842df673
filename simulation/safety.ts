/**
 * What must hold after every single step, whatever has gone wrong. It looks at rows, frames and containers alone and
 * shares no rule with the code it judges.
 */
import { isLiveAttempt, isTerminal, liveAttemptStates } from "@cronium/protocol/run-states";
import { RunnerMessage, ServerMessage } from "@cronium/protocol";
import { ChainWatch, differsByChains, type ChainPlan } from "./chains.ts";
import type { Container } from "./containers.ts";
import type { SimD1 } from "./d1.ts";
import type { Machine } from "./machine.ts";
import { OfferWatch } from "./offer-watch.ts";
import { keyOf, readSnapshot, type AttemptRow, type RunRow, type Snapshot } from "./rows.ts";
import type { ObjectHost } from "./object-host.ts";
import { ScheduleWatch } from "./schedules.ts";
import { Violation } from "./violation.ts";

/** A runner that has been going on undisturbed for this long has stopped what it had to stop. */
const SOUND_MS = 30_000;

/** Leases are counted in ticks of the server's clock, which may jump by 10 s. */
const LEASE_TOLERANCE_MS = 21_000;

export interface SafetyOptions {
  readonly object: ObjectHost;
  readonly leaseMs: number;
  readonly d1: SimD1;
  readonly machines: () => readonly Machine[];
  readonly now: () => number;
  readonly chains: readonly ChainPlan[];
  readonly eventIds: () => readonly string[];
}

export class Safety {
  snapshot: Snapshot = { runs: new Map(), attempts: new Map() };
  private readonly options: SafetyOptions;
  private writes = -1;
  private fresh: { readonly writes: number; readonly snapshot: Snapshot } | null = null;
  /** Results that a runner was told are safe, with the digest they had. */
  private readonly acked = new Map<string, string | null>();
  private readonly starts = new Map<string, number>();
  private readonly startedContainers = new Set<string>();
  private readonly overlaps = new Map<
    string,
    { readonly older: Container; readonly newer: Container; since: number }
  >();
  readonly schedules = new ScheduleWatch();
  readonly chains: ChainWatch;
  /** F28. */
  readonly offers: OfferWatch;
  /** How often each run's requeue was asked for. */
  private readonly requeuesAsked = new Map<string, number>();
  private readonly requeueKeys = new Set<string>();
  /** The last attempt that each requeued run had before. */
  private readonly closedUpTo = new Map<string, number>();
  private readonly runsByKey = new Map<string, string>();
  private readonly d1Revs = { runs: new Map<string, number>(), runners: new Map<string, number>(), events: new Map() };

  constructor(options: SafetyOptions) {
    this.options = options;
    this.offers = new OfferWatch(options.now);
    this.chains = new ChainWatch(options.chains, options.eventIds);
  }

  /** Compares what is stored now with what was stored before the step. */
  check(): void {
    if (this.options.object.storage.writes !== this.writes) {
      const before = this.snapshot;
      this.snapshot = this.stored();
      this.writes = this.options.object.storage.writes;
      this.checkRuns(before);
      this.checkAttempts(before);
      this.checkSlots(before);
      this.checkLeases(before);
      this.schedules.check(this.options.object.storage, this.options.object.armed);
      this.chains.check(this.options.object.storage, this.options.object.armed);
    }
    this.checkOverlaps();
    this.offers.check();
    this.checkAlarm();
  }

  /** The rows as they are at this moment, in the middle of a step. */
  private stored(): Snapshot {
    const { storage } = this.options.object;
    if (this.fresh?.writes !== storage.writes) {
      this.fresh = { writes: storage.writes, snapshot: readSnapshot(storage) };
    }
    return this.fresh.snapshot;
  }

  /** A trigger was answered: the key stands for this run, now and for ever. */
  triggered(key: string, runId: string): void {
    const known = this.runsByKey.get(key);
    if (known !== undefined && known !== runId) {
      throw new Violation("I1", `the key ${key} made both ${known} and ${runId}`);
    }
    this.runsByKey.set(key, runId);
  }

  /** Somebody is about to ask for it; the answer may be lost in a crash behind the commit. */
  asksRequeue(runId: string): void {
    this.requeuesAsked.set(runId, (this.requeuesAsked.get(runId) ?? 0) + 1);
  }

  /** It was done, by this request. */
  requeued(runId: string, causeKey: string | null): void {
    if (causeKey !== null && this.requeueKeys.has(causeKey)) {
      throw new Violation("I1", `the key ${causeKey} requeued twice, the second time ${runId}`);
    }
    if (causeKey !== null) {
      this.requeueKeys.add(causeKey);
    }
  }

  /** Runs whose trigger was acknowledged. */
  acknowledged(): ReadonlySet<string> {
    return new Set(this.runsByKey.values());
  }

  /** A frame leaves the Dispatcher: it may speak only of what is committed. `open`: inside a transaction. */
  sends(machine: Machine, text: string, open: boolean): void {
    if (text === "pong") {
      return;
    }
    const message = ServerMessage.parse(JSON.parse(text));
    if (message.type !== "granted" && message.type !== "jobs" && message.type !== "ack") {
      return;
    }
    if (open) {
      throw new Violation("commit before send", `${message.type} left before its commit`);
    }
    const stored = this.stored();
    const list = message.type === "granted" ? message.grants : message.jobs;
    for (const { runId, attempt } of list) {
      const key = keyOf(runId, attempt);
      const row = stored.attempts.get(key);
      if (row === undefined || row.runner_id !== machine.id) {
        throw new Violation("I7", `${message.type} for ${key} went to ${machine.id}, which does not hold it`);
      }
      if (message.type === "granted" && row.accepted_at === null) {
        throw new Violation("I7", `${key} was granted to ${machine.id} but is ${row.state}`);
      }
      if (message.type === "ack" && row.outcome === null) {
        throw new Violation("I8", `${key} was acknowledged without a stored result`);
      }
      if (message.type === "ack") {
        this.acked.set(key, row.result_digest);
      }
    }
  }

  /** Attempts that this frame may not touch, as they are before it is handled. */
  untouchable(machine: Machine, text: string): readonly AttemptRow[] {
    if (text === "ping") {
      return [];
    }
    const message = RunnerMessage.parse(JSON.parse(text));
    const refs =
      message.type === "accept" || message.type === "done"
        ? message.jobs
        : message.type === "started" || message.type === "exited"
          ? [message]
          : [];
    return refs.flatMap((ref) => {
      const row = this.snapshot.attempts.get(keyOf(ref.runId, ref.attempt));
      const run = this.snapshot.runs.get(ref.runId);
      if (row === undefined || run === undefined) {
        return [];
      }
      const foreign = row.runner_id !== machine.id;
      const old = row.attempt !== run.attempt || isTerminal(run.state);
      // What follows an accepted result may come from a later process of the same runner.
      const otherProcess = row.epoch !== machine.epoch && row.outcome === null;
      return foreign || old || otherProcess ? [row] : [];
    });
  }

  /** I17: stale, foreign and repeated frames change nothing. */
  untouched(rows: readonly AttemptRow[]): void {
    for (const row of rows) {
      const key = keyOf(row.run_id, row.attempt);
      const now = this.snapshot.attempts.get(key);
      if (now !== undefined && JSON.stringify(now) !== JSON.stringify(row)) {
        throw new Violation("I17", `a stale or foreign frame moved ${key} from ${row.state} to ${now.state}`);
      }
    }
  }

  containerStarted(container: Container, machine: Machine): void {
    const { runId, attempt } = container;
    const key = keyOf(runId, attempt);
    const row = this.snapshot.attempts.get(key);
    const run = this.snapshot.runs.get(runId);
    if (this.startedContainers.has(key)) {
      throw new Violation("I2", `${key} was started twice`);
    }
    this.startedContainers.add(key);
    if (row === undefined || row.accepted_at === null || row.runner_id !== machine.id) {
      throw new Violation("I11", `${key} started on ${machine.id} without a grant`);
    }
    if ((machine.granted.get(runId) ?? 0) > attempt) {
      throw new Violation("I4", `${key} started on ${machine.id} after a later attempt was granted there`);
    }
    const starts = (this.starts.get(runId) ?? 0) + 1;
    this.starts.set(runId, starts);
    const most = run === undefined ? starts : run.max_attempts * (1 + run.requeues);
    if (starts > most) {
      throw new Violation("I10", `${runId} was started ${starts} times; at most ${most} are allowed`);
    }
    for (const other of this.options.machines().flatMap((one) => one.containers.running())) {
      if (other.runId === runId && other !== container) {
        const pair = `${keyOf(runId, other.attempt)} and ${attempt}`;
        const [older, newer] = other.attempt < attempt ? [other, container] : [container, other];
        this.overlaps.set(pair, { older, newer, since: this.options.now() });
      }
    }
  }

  /** D1 was written. */
  projected(): void {
    for (const table of ["runs", "runners", "events"] as const) {
      const seen = this.d1Revs[table];
      for (const [id, rev] of this.options.d1.revs(table)) {
        if (rev < (seen.get(id) ?? 0)) {
          throw new Violation("I14", `${table} ${id} went back from rev ${seen.get(id)} to ${rev} in D1`);
        }
        seen.set(id, rev);
      }
    }
  }

  private checkRuns(before: Snapshot): void {
    for (const [id, old] of before.runs) {
      const run = this.snapshot.runs.get(id);
      if (run === undefined) {
        if (!isTerminal(old.state)) {
          throw new Violation("I1", `${id} has vanished while it was ${old.state}`);
        }
        continue;
      }
      if (run === old || run.rev === old.rev) {
        continue;
      }
      if (run.requeues !== old.requeues) {
        this.checkRequeue(old, run);
      } else if (isTerminal(old.state) && !differsByChains(old, run)) {
        throw new Violation("I5", `${id} was ${old.state} (rev ${old.rev}) and is now ${run.state} (rev ${run.rev})`);
      }
      if (run.rev < old.rev) {
        throw new Violation("I14", `${id} went back from rev ${old.rev} to ${run.rev}`);
      }
      if (run.attempt < old.attempt || run.attempt > old.attempt + 1) {
        throw new Violation("I2", `${id} went from attempt ${old.attempt} to ${run.attempt}`);
      }
      const outcome = this.snapshot.attempts.get(keyOf(id, run.attempt))?.outcome;
      if (isTerminal(run.state) && outcome === "succeeded" && run.state !== "succeeded") {
        throw new Violation("F26", `${id} is ${run.state} although its success was accepted`);
      }
      if (isTerminal(run.state) && run.state !== "succeeded" && run.message === null) {
        throw new Violation("reasons", `${id} ended as ${run.state} without a word`);
      }
    }
  }

  /** A dead letter alone comes back, once for each request, as a queued run; what was tried before it is closed. */
  private checkRequeue(old: RunRow, run: RunRow): void {
    const { id } = run;
    const asked = this.requeuesAsked.get(id) ?? 0;
    if (old.state !== "failed" || old.fail_reason !== "retries_exhausted" || run.state !== "queued") {
      throw new Violation("I5", `${id} was ${old.state} (${old.fail_reason}) and was requeued as ${run.state}`);
    }
    if (run.requeues !== old.requeues + 1 || run.requeues > asked) {
      throw new Violation("I5", `${id} was requeued ${run.requeues} times, asked for ${asked} times`);
    }
    this.closedUpTo.set(id, old.attempt);
  }

  private checkAttempts(before: Snapshot): void {
    const live = new Map<string, number>();
    for (const [key, row] of this.snapshot.attempts) {
      const old = before.attempts.get(key);
      const run = this.snapshot.runs.get(row.run_id);
      if (old === undefined && row.attempt > 1 && !this.snapshot.attempts.has(keyOf(row.run_id, row.attempt - 1))) {
        throw new Violation("I2", `${key} exists without the attempt before it`);
      }
      if (run === undefined || row.attempt > run.attempt) {
        throw new Violation("I2", `${key} is newer than its run`);
      }
      if (isLiveAttempt(row.state)) {
        live.set(row.run_id, (live.get(row.run_id) ?? 0) + 1);
        if (row.attempt !== run.attempt || isTerminal(run.state)) {
          throw new Violation("I3", `${key} is ${row.state} while its run is ${run.state} at attempt ${run.attempt}`);
        }
      }
      if (old !== undefined) {
        this.checkResult(key, old, row, before);
      }
    }
    for (const [runId, count] of live) {
      if (count > 1) {
        throw new Violation("I3", `${runId} has ${count} live attempts`);
      }
    }
    for (const [key, digest] of this.acked) {
      const row = this.snapshot.attempts.get(key);
      if (row === undefined ? this.snapshot.runs.has(key.slice(0, key.indexOf("/"))) : row.result_digest !== digest) {
        throw new Violation("I8", `the acknowledged result of ${key} is gone or another`);
      }
    }
  }

  private checkResult(key: string, old: AttemptRow, row: AttemptRow, before: Snapshot): void {
    if (old.outcome !== null && old.outcome !== row.outcome) {
      throw new Violation("I6", `${key} had the result ${old.outcome} and has now ${row.outcome}`);
    }
    if (old.outcome === null && row.outcome !== null && before.runs.get(row.run_id)?.attempt !== row.attempt) {
      throw new Violation("I6", `the result of ${key} was accepted although a later attempt existed`);
    }
    if (old.outcome === null && row.outcome !== null && old.epoch !== row.epoch) {
      throw new Violation("I17", `the result of ${key} came with another epoch`);
    }
    const isClosed = row.attempt <= (this.closedUpTo.get(row.run_id) ?? 0);
    const ended = !isLiveAttempt(old.state) && (old.state !== "lost" || isClosed);
    if (ended && old.state !== row.state) {
      throw new Violation("I5", `${key} went from ${old.state} to ${row.state}`);
    }
  }

  /** I16, as far as limits exist: a runner is offered no more than it has slots. */
  private checkSlots(before: Snapshot): void {
    const machines = new Map(this.options.machines().map((one) => [one.id, one]));
    for (const [key, row] of this.snapshot.attempts) {
      const machine = machines.get(row.runner_id);
      if (row.state === "offered" && !before.attempts.has(key) && machine !== undefined) {
        const held = [...this.snapshot.attempts.values()].filter(
          (one) => one.runner_id === row.runner_id && (liveAttemptStates as readonly string[]).includes(one.state),
        );
        if (held.length > machine.slots) {
          throw new Violation("I16", `${row.runner_id} has ${machine.slots} slots and was given ${held.length} jobs`);
        }
      }
    }
  }

  /** 2.2: only silence of the runner for a whole lease, in which the server was up, costs an attempt. */
  private checkLeases(before: Snapshot): void {
    const { object, leaseMs, machines, now } = this.options;
    if (object.doing !== "alarm") {
      return;
    }
    for (const [key, row] of this.snapshot.attempts) {
      const was = before.attempts.get(key)?.state;
      if (row.state !== "lost" || (was !== "accepted" && was !== "running")) {
        continue;
      }
      const heardAt =
        machines()
          .find((one) => one.id === row.runner_id)
          ?.heard.get(row.epoch) ?? 0;
      const silentMs = now() - Math.max(heardAt, object.upSince);
      if (silentMs < leaseMs - LEASE_TOLERANCE_MS) {
        throw new Violation("2.2", `${key} was lost after ${silentMs} ms of silence; its lease is ${leaseMs} ms`);
      }
    }
  }

  /** An attempt that somebody holds is always looked after: there is an alarm. */
  private checkAlarm(): void {
    const { object } = this.options;
    if (!object.armed && [...this.snapshot.attempts.values()].some((row) => isLiveAttempt(row.state))) {
      throw new Violation("F13", "an attempt is live, and no alarm is set");
    }
  }

  private checkOverlaps(): void {
    const now = this.options.now();
    for (const [pair, overlap] of this.overlaps) {
      const { older, newer } = overlap;
      if (!older.running || !newer.running) {
        this.overlaps.delete(pair);
        continue;
      }
      const machine = this.options.machines().find((one) => one.id === older.machine);
      // A killed or stopped process cannot end its containers; its time counts from when it goes on.
      const from = Math.max(overlap.since, machine?.soundSince ?? 0);
      if (now - from > SOUND_MS) {
        throw new Violation("I4", `containers of ${pair} ran at the same time, ${older.machine} being sound`);
      }
    }
  }
}
