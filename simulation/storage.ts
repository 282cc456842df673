/**
 * The storage of a Durable Object on `node:sqlite`: the part of `SqlStorage` and `DurableObjectStorage` that the
 * Dispatcher uses. It outlives the instances that work on it, and can be told to fail at a given statement.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/** An injected failure: `crash` ends the instance in the middle of what it does, `error` is a statement that throws. */
export class StorageFault extends Error {
  readonly kind: "crash" | "error";

  constructor(kind: "crash" | "error") {
    super(`injected: ${kind} of the storage`);
    this.name = "StorageFault";
    this.kind = kind;
  }
}

type Row = Record<string, string | number | null>;

export class SimStorage {
  readonly db = new DatabaseSync(":memory:");
  readonly sql: { exec: (query: string, ...values: SQLInputValue[]) => Cursor };
  /** When the alarm is set for, by the server's clock; null when there is none. */
  alarm: number | null = null;
  /** Called when the alarm was set. */
  onAlarmSet = (): void => {};
  /** Fails at this statement from now; 0 at the next commit. */
  fuse: { left: number; readonly kind: "crash" | "error" } | null = null;
  /** The instance has died in the middle of what it did: nothing that it still tries has any effect. */
  dead = false;
  /** A fault went off since the last look. */
  blown: StorageFault | null = null;
  private readonly statements = new Map<string, StatementSync>();
  private depth = 0;

  constructor() {
    this.sql = { exec: (query, ...values) => this.exec(query, values) };
  }

  /** Raised by every row that is written. */
  get writes(): number {
    return Number(this.statement("SELECT total_changes() AS writes").get()?.["writes"]);
  }

  /** Whether a transaction is open: what is sent now could still be taken back. */
  get open(): boolean {
    return this.depth > 0;
  }

  transactionSync<T>(decide: () => T): T {
    if (this.dead) {
      throw new StorageFault("crash");
    }
    const name = `s${this.depth}`;
    this.db.exec(`SAVEPOINT ${name}`);
    this.depth += 1;
    try {
      const value = decide();
      if (this.fuse !== null && this.fuse.left <= 0) {
        this.blow();
      }
      this.db.exec(`RELEASE ${name}`);
      return value;
    } catch (error) {
      this.db.exec(`ROLLBACK TO ${name}`);
      this.db.exec(`RELEASE ${name}`);
      throw error;
    } finally {
      this.depth -= 1;
    }
  }

  setAlarm(at: number): Promise<void> {
    if (!this.dead) {
      this.alarm = at;
      this.onAlarmSet();
    }
    return Promise.resolve();
  }

  getAlarm(): Promise<number | null> {
    return Promise.resolve(this.alarm);
  }

  /** Reads without faults: for those who look from outside. */
  read(query: string): Row[] {
    return this.statement(query).all() as Row[];
  }

  private exec(query: string, values: readonly SQLInputValue[]): Cursor {
    if (this.dead) {
      throw new StorageFault("crash");
    }
    const isWrite = !query.startsWith("SELECT");
    if (isWrite) {
      // Only writes fail: a read that throws undoes nothing more than the write before it does.
      if (this.fuse !== null && this.depth > 0) {
        this.fuse.left -= 1;
        if (this.fuse.left === 0) {
          this.blow();
        }
      }
    }
    if (values.length === 0 && query.includes(";")) {
      this.db.exec(query);
      return new Cursor([]);
    }
    const statement = this.statement(query);
    return new Cursor(statement.all(...values) as Row[]);
  }

  private blow(): never {
    const fault = new StorageFault(this.fuse?.kind ?? "error");
    this.fuse = null;
    this.blown = fault;
    this.dead = fault.kind === "crash";
    throw fault;
  }

  private statement(query: string): StatementSync {
    let statement = this.statements.get(query);
    if (statement === undefined) {
      statement = this.db.prepare(query);
      this.statements.set(query, statement);
    }
    return statement;
  }
}

class Cursor implements Iterable<Row> {
  private readonly rows: Row[];

  constructor(rows: Row[]) {
    this.rows = rows;
  }

  toArray(): Row[] {
    return this.rows;
  }

  one(): Row {
    const [row] = this.rows;
    if (row === undefined || this.rows.length !== 1) {
      throw new Error(`Expected exactly one row, got ${this.rows.length}.`);
    }
    return row;
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.rows[Symbol.iterator]();
  }
}
