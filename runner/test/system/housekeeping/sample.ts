/** What a control plane takes up at a moment, read from its own files and from the kernel. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface Sample {
  readonly finished: number;
  /** Rows of the Dispatcher, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Bytes of its database that hold something. */
  readonly usedBytes: number;
  /** Rows of runs in D1, which keeps them for `retentionDays`. */
  readonly listed: number;
  /** Databases of log rooms on disk. */
  readonly rooms: number;
  /** Memory of workerd, in bytes. */
  readonly memory: number;
}

const PAGE = 4_096;

export function takeSample(dataDir: string, workerdPid: number, finished: number): Sample {
  const dispatcher = open(join(dataDir, "control-plane/objects/cronium-Dispatcher"));
  const d1 = open(join(dataDir, "control-plane/d1/cronium-d1"));
  try {
    const count = (database: DatabaseSync, table: string): number =>
      one(database, `SELECT count(*) AS value FROM ${table}`);
    const tables = dispatcher
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !name.startsWith("_"));
    const pages = one(dispatcher, "SELECT page_count AS value FROM pragma_page_count()");
    const free = one(dispatcher, "SELECT freelist_count AS value FROM pragma_freelist_count()");
    const rooms = join(dataDir, "control-plane/objects/cronium-LogRoom");
    return {
      finished,
      rows: Object.fromEntries(tables.map((table) => [table, count(dispatcher, table)])),
      usedBytes: (pages - free) * one(dispatcher, "SELECT page_size AS value FROM pragma_page_size()"),
      listed: count(d1, "runs"),
      rooms: existsSync(rooms) ? readdirSync(rooms).filter((name) => name.endsWith(".sqlite")).length : 0,
      memory: Number(readFileSync(`/proc/${workerdPid}/statm`, "utf8").split(" ")[1]) * PAGE,
    };
  } finally {
    dispatcher.close();
    d1.close();
  }
}

function one(database: DatabaseSync, query: string): number {
  return Number(database.prepare(query).get()?.["value"]);
}

function open(folder: string): DatabaseSync {
  const name = readdirSync(folder).find((file) => file.endsWith(".sqlite") && file !== "metadata.sqlite");
  return new DatabaseSync(join(folder, name ?? "none"), { readOnly: true });
}
