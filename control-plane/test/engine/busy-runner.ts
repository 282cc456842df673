/**
 * A machine that works: it accepts what it has slots for, on every Dispatcher that it is connected to, ends each job at
 * once and says so until it is acknowledged, and comes back when a connection closes. It notes what a real one would run.
 */
import type { AttemptRef, ServerMessage } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { connect, newEpoch, success, type Connection, type FakeRunner } from "./fake-runner.ts";

/** What all machines of a test have done. */
export class Ledger {
  /** Container starts, by run. */
  readonly starts = new Map<string, number>();
  /** Runs whose container is up now. */
  readonly up = new Set<string>();
  mostUp = 0;
  readonly mostUpBy = new Map<string | null, number>();
  readonly #upBy = new Map<string | null, number>();

  begin(runId: string, eventId: string | null): void {
    this.starts.set(runId, (this.starts.get(runId) ?? 0) + 1);
    this.up.add(runId);
    this.mostUp = Math.max(this.mostUp, this.up.size);
    this.#upBy.set(eventId, (this.#upBy.get(eventId) ?? 0) + 1);
    this.mostUpBy.set(eventId, Math.max(this.mostUpBy.get(eventId) ?? 0, this.#upBy.get(eventId) ?? 0));
  }

  end(runId: string, eventId: string | null): void {
    if (this.up.delete(runId)) {
      this.#upBy.set(eventId, (this.#upBy.get(eventId) ?? 0) - 1);
    }
  }
}

interface Held extends AttemptRef {
  readonly eventId: string | null;
  state: "accepted" | "running" | "exited";
}

export class BusyRunner {
  /** Jobs that ended here, by shard. */
  readonly ended = new Map<number, number>();
  readonly #runner: FakeRunner;
  readonly #slots: number;
  readonly #ledger: Ledger;
  readonly #epoch = newEpoch();
  readonly #held = new Map<string, Held>();
  readonly #links = new Map<number, Connection>();
  #stopped = false;

  constructor(runner: FakeRunner, slots: number, ledger: Ledger) {
    this.#runner = runner;
    this.#slots = slots;
    this.#ledger = ledger;
  }

  async serve(shard: number): Promise<void> {
    const connection = await connect(this.#runner, {
      shard,
      epoch: this.#epoch,
      slots: this.#slots,
      held: [...this.#held.values()]
        .filter(({ runId }) => shardOf(runId) === shard)
        .map(({ runId, attempt, state }) => ({ runId, attempt, state })),
    });
    this.#links.set(shard, connection);
    for (const { runId, attempt } of connection.welcome.kill) {
      this.#forget(`${runId}/${attempt}`);
    }
    connection.inbox.socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string" && data !== "pong") {
        this.#receive(connection, JSON.parse(data) as ServerMessage);
      }
    });
    for (const text of connection.inbox.waiting) {
      if (typeof text === "string") {
        this.#receive(connection, JSON.parse(text) as ServerMessage);
      }
    }
    for (const held of this.#held.values()) {
      if (shardOf(held.runId) === shard && held.state === "exited") {
        this.#report(connection, held);
      }
    }
    void connection.inbox.closed.then(async () => {
      if (!this.#stopped && this.#links.get(shard) === connection) {
        await this.serve(shard);
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#links.values()].map((connection) => connection.close()));
  }

  #receive(connection: Connection, message: ServerMessage): void {
    switch (message.type) {
      case "jobs":
        for (const job of message.jobs) {
          this.#offered(connection, job.runId, job.attempt, job.eventId);
        }
        return;
      case "granted":
        for (const { runId, attempt } of message.grants) {
          const held = this.#held.get(`${runId}/${attempt}`);
          if (held?.state === "accepted") {
            held.state = "running";
            this.#ledger.begin(runId, held.eventId);
            connection.send({ type: "started", runId, attempt });
            setTimeout(() => this.#exit(held), 15);
          }
        }
        return;
      case "ack":
        for (const { runId, attempt } of message.jobs) {
          if (message.of === "exited") {
            connection.send({ type: "done", jobs: [{ runId, attempt, logBytes: 0, logState: "complete" }] });
          } else {
            this.#held.delete(`${runId}/${attempt}`);
          }
        }
        return;
      case "refused":
      case "stale":
        this.#forget(`${message.runId}/${message.attempt}`);
        return;
      default:
    }
  }

  #offered(connection: Connection, runId: string, attempt: number, eventId: string | null): void {
    const key = `${runId}/${attempt}`;
    const working = [...this.#held.values()].filter(({ state }) => state !== "exited").length;
    if (!this.#held.has(key) && working >= this.#slots) {
      connection.send({ type: "decline", runId, attempt, reason: "full", message: null });
      // The slots of both are told truly again, which ends the wait that a decline begins.
      setTimeout(() => this.#tell(), 30);
      return;
    }
    if (!this.#held.has(key)) {
      this.#held.set(key, { runId, attempt, eventId, state: "accepted" });
    }
    connection.send({ type: "accept", jobs: [{ runId, attempt }] });
  }

  #exit(held: Held): void {
    held.state = "exited";
    this.#ledger.end(held.runId, held.eventId);
    const shard = shardOf(held.runId);
    this.ended.set(shard, (this.ended.get(shard) ?? 0) + 1);
    const connection = this.#links.get(shard);
    if (connection !== undefined) {
      this.#report(connection, held);
    }
  }

  #report(connection: Connection, { runId, attempt }: Held): void {
    try {
      connection.send({ type: "exited", runId, attempt, result: success });
    } catch {
      // Its connection has just closed; the next one hears of it.
    }
  }

  #tell(): void {
    const working = [...this.#held.values()].filter(({ state }) => state !== "exited");
    for (const [shard, connection] of this.#links) {
      const others = working.filter(({ runId }) => shardOf(runId) !== shard).length;
      const slots = Math.max(1, this.#slots - others);
      try {
        connection.send({ type: "status", notReady: [], draining: false, latencyMs: null, slots });
      } catch {
        // As above.
      }
    }
  }

  #forget(key: string): void {
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#ledger.end(held.runId, held.eventId);
      this.#held.delete(key);
    }
  }
}
