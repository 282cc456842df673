/**
 * A stand-in for D1 that runs the real statements of `store/projection.ts` on `node:sqlite`, some time after they are
 * sent. A write can fail before it happens, happen and then fail to say so, or take half a minute; a write whose sender
 * has died meanwhile still happens.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Rng } from "./rng.ts";

export type D1Mode = "ok" | "fails" | "unknown" | "slow";

/** A statement with its values. */
interface Bound {
  write(): void;
  run(): Promise<void>;
}

export interface D1Host {
  readonly rng: Rng;
  after(ms: number, run: () => void): void;
  /** Whether the instance that asked is still the one that would hear the answer. */
  answersTo(): () => boolean;
  /** After every write. */
  changed(): void;
}

const migrations = join(import.meta.dirname, "..", "migrations");
const schema = readdirSync(migrations)
  .filter((name) => name.endsWith(".sql"))
  .toSorted()
  .map((name) => readFileSync(join(migrations, name), "utf8"))
  .join("\n");

export class SimD1 {
  readonly db = new DatabaseSync(":memory:");
  mode: D1Mode = "ok";
  private readonly host: D1Host;

  constructor(host: D1Host) {
    this.host = host;
    this.db.exec(schema);
  }

  prepare(sql: string): { bind: (...values: SQLInputValue[]) => Bound } {
    return {
      bind: (...values) => {
        const write = (): void => void this.db.prepare(sql).run(...values);
        return { write, run: () => this.run(write) };
      },
    };
  }

  /** All of them or none. */
  batch(statements: readonly Bound[]): Promise<void> {
    return this.run(() => {
      this.db.exec("BEGIN");
      for (const { write } of statements) {
        write();
      }
      this.db.exec("COMMIT");
    });
  }

  /** Version of each row of a table. */
  revs(table: "runs" | "runners" | "events"): Map<string, number> {
    const rows = this.db.prepare(`SELECT id, rev FROM ${table}`).all();
    return new Map(rows.map((row) => [String(row["id"]), Number(row["rev"])]));
  }

  private run(writeIt: () => void): Promise<void> {
    const { host, mode } = this;
    const heard = host.answersTo();
    const slow = mode === "slow" ? host.rng.int(1_000, 30_000) : host.rng.int(2, 30);
    const write = (): void => {
      writeIt();
      host.changed();
    };
    return new Promise((resolve, reject) => {
      host.after(slow, () => {
        if (mode === "ok" || mode === "slow") {
          write();
        } else if (mode === "unknown" && host.rng.chance(0.6)) {
          // At once, or long after its sender was told that it failed.
          host.after(host.rng.pick([0, 500, 20_000]), write);
        }
        if (!heard()) {
          return;
        }
        if (mode === "ok" || mode === "slow") {
          resolve();
        } else {
          reject(new Error(`D1_ERROR: injected, ${mode}`));
        }
      });
    });
  }
}
