/**
 * A machine with a runner that keeps the contract over real sockets, and misbehaves as networks and processes do: it
 * ignores offers, repeats frames, sends old ones, loses its socket, and dies and comes back with or without its jobs.
 */
import type { AttemptRef, HeldAttempt, JobResult, RunnerMessage, ServerMessage } from "@cronium/protocol";
import { dial, type FakeRunner, makeHello, newEpoch, success } from "../fake-runner.ts";
import { type Inbox, openInbox } from "../inbox.ts";
import type { Chance } from "./chance.ts";
import type { Ledger } from "./ledger.ts";

const PING_MS = 150;
const JOB_MS = 60;
const AGAIN_MS = 400;
/** Shares of jobs: the rest fails for want of an engine. */
const SUCCEED = 0.55;
const FAIL = 0.85;
/** How many of its latest attempts are worth a frame that comes too late. */
const LATELY = 6;

interface Held {
  readonly ref: AttemptRef;
  granted: boolean;
  result: JobResult | null;
  resultAcked: boolean;
  done: boolean;
}

const keyOf = (ref: AttemptRef): string => `${ref.runId}/${ref.attempt}`;
const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

export class Machine {
  readonly runner: FakeRunner;
  private readonly chance: Chance;
  private readonly ledger: Ledger;
  private readonly slots: number;
  private readonly held = new Map<string, Held>();
  /** Every attempt it ever had, for frames that come far too late. */
  private readonly past: AttemptRef[] = [];
  private epoch = newEpoch();
  private inbox: Inbox | null = null;
  /** Ends the session at once, whatever the other end does about it. */
  private hangUp = (): void => {};
  private pausedUntil = 0;
  private stopped = false;
  /** From here on it does its best. */
  calm = false;
  private readonly running: Promise<void>;

  constructor(runner: FakeRunner, slots: number, chance: Chance, ledger: Ledger) {
    this.runner = runner;
    this.slots = slots;
    this.chance = chance;
    this.ledger = ledger;
    this.running = this.live();
  }

  /** Cuts its socket; it comes back by itself, after `pauseMs` at the earliest. */
  cut(pauseMs = 0): void {
    this.pausedUntil = Date.now() + pauseMs;
    this.hangUp();
  }

  /** Its process dies and starts anew; containers stay, except those that `chance` takes. */
  restart(): void {
    for (const [key, { result }] of this.held) {
      if (result === null && this.chance.of(0.3)) {
        this.held.delete(key);
      }
    }
    this.epoch = newEpoch();
    this.cut();
  }

  /** Sends what is long over, as another process or a network might. */
  sendStale(): void {
    const ref = this.chance.pick(this.past.slice(-LATELY));
    if (ref !== undefined && !this.held.has(keyOf(ref))) {
      this.ledger.stale += 1;
      const result: JobResult = { ...success, output: "stale" };
      this.send(
        this.chance.pick<RunnerMessage>([
          { type: "exited", ...ref, result },
          { type: "accept", jobs: [ref] },
          { type: "started", ...ref },
          { type: "done", jobs: [{ ...ref, logBytes: 1, logState: "complete" }] },
        ]) ?? { type: "accept", jobs: [ref] },
      );
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.hangUp();
    await this.running;
  }

  private async live(): Promise<void> {
    while (!this.stopped) {
      const pause = this.pausedUntil - Date.now();
      await after(Math.max(pause, this.chance.int(1, 40)));
      if (this.stopped) {
        return;
      }
      await this.session().catch((error: unknown) => {
        this.ledger.problems.push(`${this.runner.name}: ${String(error)}`);
      });
    }
  }

  private async session(): Promise<void> {
    const response = await dial(this.runner.runnerId);
    if (response.status !== 101) {
      // The object went away while it was asked.
      await response.text();
      return;
    }
    const inbox = openInbox(response);
    const closed = new Promise<null>((resolve) => {
      this.hangUp = () => resolve(null);
      void inbox.closed.then(this.hangUp);
    });
    if (this.stopped) {
      // It was told while it dialled, when there was nothing to hang up yet.
      this.hangUp();
    }
    const next = (): Promise<ServerMessage | null> => {
      const message = inbox.json<ServerMessage>(() => true, "a frame");
      // Silence is no fault of anybody, and neither is a frame that nobody waits for any more.
      message.catch(() => null);
      return Promise.race([message.catch(() => next()), closed]);
    };
    const challenge = await next();
    if (challenge?.type !== "challenge") {
      return;
    }
    const { epoch } = this;
    inbox.socket.send(
      JSON.stringify(await makeHello(this.runner, challenge.nonce, epoch, { slots: this.slots, held: this.holds() })),
    );
    const pings = setInterval(() => this.sendText("ping"), PING_MS);
    const repeats = setInterval(() => this.repeat(), AGAIN_MS);
    this.inbox = inbox;
    try {
      for (let message = await next(); message !== null; message = await next()) {
        this.receive(message);
      }
    } finally {
      clearInterval(pings);
      clearInterval(repeats);
      this.inbox = null;
      inbox.socket.close(1000, "cut");
    }
  }

  private holds(): HeldAttempt[] {
    return [...this.held.values()]
      .filter(({ granted }) => granted)
      .map(({ ref, result }) => ({ ...ref, state: result === null ? "running" : "exited" }));
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        for (const ref of message.kill) {
          this.held.delete(keyOf(ref));
        }
        this.repeat();
        return;
      case "jobs":
        for (const { runId, attempt } of message.jobs) {
          this.offered({ runId, attempt });
        }
        return;
      case "granted":
        for (const { runId, attempt } of message.grants) {
          this.granted({ runId, attempt });
        }
        return;
      case "refused":
      case "stale":
        this.held.delete(keyOf(message));
        return;
      case "cancel":
        this.end(message, { ...success, outcome: "cancelled", exitCode: 143 });
        return;
      case "ack":
        for (const ref of message.jobs) {
          this.acked(message.of, ref);
        }
        return;
      default:
    }
  }

  private offered(ref: AttemptRef): void {
    this.ledger.offered(this.runner.runnerId, ref);
    this.past.push(ref);
    if (!this.calm && this.chance.of(0.04)) {
      return;
    }
    if (!this.calm && this.chance.of(0.04)) {
      this.send({ type: "decline", ...ref, reason: "full", message: null });
      return;
    }
    this.held.set(keyOf(ref), { ref, granted: false, result: null, resultAcked: false, done: false });
    this.send({ type: "accept", jobs: [ref] });
  }

  private granted(ref: AttemptRef): void {
    const held = this.held.get(keyOf(ref));
    this.ledger.granted(this.runner.runnerId, ref);
    if (held === undefined || held.granted) {
      return;
    }
    held.granted = true;
    this.ledger.started(this.runner.runnerId, ref);
    this.send({ type: "started", ...ref });
    const fate = this.chance.next();
    const result: JobResult =
      fate < SUCCEED
        ? { ...success, output: keyOf(ref) }
        : fate < FAIL
          ? { ...success, outcome: "failed", exitCode: 3 }
          : { ...success, outcome: "failed", failReason: "daemon", exitCode: null };
    void after(this.chance.int(0, JOB_MS)).then(() => this.end(ref, result));
  }

  private end(ref: AttemptRef, result: JobResult): void {
    const held = this.held.get(keyOf(ref));
    if (held?.granted === true && held.result === null) {
      held.result = result;
      this.send({ type: "exited", ...held.ref, result });
    }
  }

  private acked(of: "exited" | "done", ref: AttemptRef): void {
    const held = this.held.get(keyOf(ref));
    if (held === undefined || held.result === null) {
      return;
    }
    if (of === "done") {
      this.held.delete(keyOf(ref));
      return;
    }
    this.ledger.acked(ref, held.result);
    held.resultAcked = true;
    void after(this.chance.int(0, JOB_MS)).then(() => {
      held.done = true;
      this.send({ type: "done", jobs: [{ ...ref, logBytes: 0, logState: "complete" }] });
    });
  }

  /** What may have been lost on its way. */
  private repeat(): void {
    for (const { ref, granted, result, resultAcked, done } of this.held.values()) {
      if (!granted) {
        this.send({ type: "accept", jobs: [ref] });
      } else if (result !== null && !resultAcked) {
        this.send({ type: "exited", ...ref, result });
      } else if (done) {
        this.send({ type: "done", jobs: [{ ...ref, logBytes: 0, logState: "complete" }] });
      }
    }
  }

  private send(message: RunnerMessage): void {
    const times = !this.calm && this.chance.of(0.1) ? 3 : 1;
    for (let i = 0; i < times; i += 1) {
      this.sendText(JSON.stringify(message));
    }
  }

  private sendText(text: string): void {
    try {
      this.inbox?.socket.send(text);
    } catch {
      // Closed at this moment; it is repeated.
    }
  }
}
