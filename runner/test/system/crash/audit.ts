/** Counts what was lost and what was doubled, from the databases themselves and from what the jobs wrote down. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Acknowledged } from "./load.ts";

export interface Audit {
  readonly acknowledged: number;
  /** Sentences, one for each run; empty when nothing is. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** Rows of the Dispatcher and of D1 that differ. */
  readonly projection: readonly string[];
  readonly outbox: number;
  /** Runs whose script ran in more than one attempt. */
  readonly repeated: number;
  /** Attempts by state. */
  readonly attempts: Readonly<Record<string, number>>;
}

interface RunRow {
  readonly id: string;
  readonly state: string;
  readonly rev: number;
  readonly message: string | null;
}

interface AttemptRow {
  readonly run_id: string;
  readonly attempt: number;
  readonly state: string;
  readonly outcome: string | null;
}

export interface Triggered {
  readonly acknowledged: readonly Acknowledged[];
  /** Those whose jobs write down that they started and that they came to their end. */
  readonly withLedger: readonly Acknowledged[];
  /** The file they write to. */
  readonly ledger: string;
}

export function audit(dataDir: string, { acknowledged, withLedger, ledger }: Triggered): Audit {
  const dispatcher = openOnly(join(dataDir, "control-plane/objects/cronium-Dispatcher"));
  const d1 = openOnly(join(dataDir, "control-plane/d1/cronium-d1"));
  try {
    const runs = rows<RunRow>(dispatcher, "SELECT id, state, rev, message FROM runs");
    const attempts = rows<AttemptRow>(dispatcher, "SELECT run_id, attempt, state, outcome FROM attempts");
    const listed = rows<RunRow>(d1, "SELECT id, state, rev FROM runs");
    const starts = readStarts(ledger);
    return {
      acknowledged: acknowledged.length,
      lost: [...findLost(acknowledged, runs), ...findUnrun(withLedger, starts)],
      doubled: findDoubled(acknowledged, runs, attempts, starts),
      projection: findDifferences(runs, listed),
      outbox: rows<{ id: string }>(dispatcher, "SELECT id FROM outbox").length,
      repeated: repeatedRuns(starts),
      attempts: countBy(attempts.map((attempt) => attempt.state)),
    };
  } finally {
    dispatcher.close();
    d1.close();
  }
}

/** Runs that have not ended, and rows that wait for D1. */
export function unsettled(dataDir: string): { readonly running: number; readonly outbox: number } {
  const dispatcher = openOnly(join(dataDir, "control-plane/objects/cronium-Dispatcher"));
  try {
    const [row] = rows<{ running: number; outbox: number }>(
      dispatcher,
      "SELECT (SELECT count(*) FROM runs WHERE finished_at IS NULL) AS running, (SELECT count(*) FROM outbox) AS outbox",
    );
    return row ?? { running: -1, outbox: -1 };
  } finally {
    dispatcher.close();
  }
}

function findLost(acknowledged: readonly Acknowledged[], runs: readonly RunRow[]): string[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  return acknowledged.flatMap(({ runIds }) =>
    [...runIds].flatMap((id) => {
      const run = byId.get(id);
      if (run === undefined) {
        return [`${id} was acknowledged and is not there`];
      }
      return run.state === "succeeded" ? [] : [`${id} is ${run.state}: ${run.message}`];
    }),
  );
}

/** A result without a job that came to its end would be made up. */
function findUnrun(withLedger: readonly Acknowledged[], starts: Starts): string[] {
  return withLedger
    .flatMap(({ runIds }) => [...runIds])
    .filter((id) => !starts.ended.has(id))
    .map((id) => `the job of ${id} never came to its end`);
}

function findDoubled(
  acknowledged: readonly Acknowledged[],
  runs: readonly RunRow[],
  attempts: readonly AttemptRow[],
  starts: Starts,
): string[] {
  const doubled: string[] = [];
  const known = new Set<string>();
  for (const { runIds } of acknowledged) {
    if (runIds.size > 1) {
      doubled.push(`one key made ${[...runIds].join(" and ")}`);
    }
    for (const id of runIds) {
      known.add(id);
    }
  }
  doubled.push(...runs.filter((run) => !known.has(run.id)).map((run) => `${run.id} belongs to no trigger`));
  const accepted = countBy(attempts.filter(({ state }) => state === "succeeded").map(({ run_id: id }) => id));
  doubled.push(...over1(accepted).map((id) => `${id} has two accepted results`));
  doubled.push(...over1(starts.started).map((attempt) => `attempt ${attempt} was started twice`));
  return doubled;
}

function findDifferences(runs: readonly RunRow[], listed: readonly RunRow[]): string[] {
  const inList = new Map(listed.map((row) => [row.id, row]));
  const wrong = runs.flatMap((run) => {
    const row = inList.get(run.id);
    return row?.state === run.state && row.rev === run.rev
      ? []
      : [
          `${run.id} is ${run.state} (${run.rev}), D1 says ${row === undefined ? "nothing" : `${row.state} (${row.rev})`}`,
        ];
  });
  return listed.length === runs.length ? wrong : [...wrong, `D1 lists ${listed.length} runs, there are ${runs.length}`];
}

interface Starts {
  /** Starts of each `<run> <attempt>`. */
  readonly started: Readonly<Record<string, number>>;
  readonly ended: ReadonlySet<string>;
}

function readStarts(ledger: string): Starts {
  const lines = existsSync(ledger) ? readFileSync(ledger, "utf8").split("\n").filter(Boolean) : [];
  const of = (word: string): string[][] => lines.map((line) => line.split(" ")).filter((parts) => parts[2] === word);
  return {
    started: countBy(of("started").map(([run, attempt]) => `${run} ${attempt}`)),
    ended: new Set(of("ended").map(([run = ""]) => run)),
  };
}

function repeatedRuns(starts: Starts): number {
  return over1(countBy(Object.keys(starts.started).map((key) => key.split(" ")[0] ?? ""))).length;
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) {
    counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}

function over1(counts: Readonly<Record<string, number>>): string[] {
  return Object.keys(counts).filter((key) => (counts[key] ?? 0) > 1);
}

/** The one database of a folder, for reading while workerd uses it. */
function openOnly(folder: string): DatabaseSync {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new Error(`Expected one database in ${folder}, found ${names.length}.`);
  }
  return new DatabaseSync(join(folder, name), { readOnly: true });
}

function rows<T>(database: DatabaseSync, query: string): T[] {
  return database.prepare(query).all() as T[];
}
