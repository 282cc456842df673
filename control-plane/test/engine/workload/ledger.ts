/** What the machines of a workload have seen, checked against the Dispatcher's own tables. */
import type { AttemptRef, JobResult, RunState } from "@cronium/protocol";
import { isTerminal } from "@cronium/protocol/run-states";

interface RunRow {
  readonly id: string;
  readonly state: RunState;
  readonly attempt: number;
  readonly rev: number;
  readonly max_attempts: number;
  readonly event_id: string | null;
}
interface AttemptRow {
  readonly run_id: string;
  readonly attempt: number;
  readonly state: string;
  readonly runner_id: string;
  readonly accepted_at: number | null;
  readonly outcome: string | null;
}

const LIVE = ["offered", "accepted", "running", "finishing"];
const keyOf = (ref: AttemptRef): string => `${ref.runId}/${ref.attempt}`;

export class Ledger {
  /** Sentences that begin with the invariant that is broken. */
  readonly broken: string[] = [];
  /** What went wrong on a machine's own side. */
  readonly problems: string[] = [];
  stale = 0;
  checks = 0;
  private readonly runByKey = new Map<string, string>();
  private readonly offers = new Map<string, string>();
  private readonly grants = new Map<string, string>();
  private readonly starts = new Map<string, string>();
  private readonly newestGrant = new Map<string, number>();
  private readonly results = new Map<string, JobResult["outcome"]>();
  private runs = new Map<string, RunRow>();
  private attempts = new Map<string, AttemptRow>();

  triggered(key: string, runId: string): void {
    this.same("I1", this.runByKey, key, runId);
  }

  /** Ids of everything that was acknowledged. */
  get accepted(): ReadonlySet<string> {
    return new Set(this.runByKey.values());
  }

  offered(machine: string, ref: AttemptRef): void {
    this.same("I2", this.offers, keyOf(ref), machine);
  }

  granted(machine: string, ref: AttemptRef): void {
    this.same("I7", this.grants, keyOf(ref), machine);
    const newest = `${machine} ${ref.runId}`;
    this.newestGrant.set(newest, Math.max(this.newestGrant.get(newest) ?? 0, ref.attempt));
  }

  started(machine: string, ref: AttemptRef): void {
    if (this.starts.has(keyOf(ref))) {
      this.broken.push(`I2 ${keyOf(ref)} started twice`);
    }
    if ((this.newestGrant.get(`${machine} ${ref.runId}`) ?? 0) > ref.attempt) {
      this.broken.push(`I4 ${keyOf(ref)} started after a later attempt was granted to the same machine`);
    }
    this.starts.set(keyOf(ref), machine);
  }

  acked(ref: AttemptRef, result: JobResult): void {
    this.same("I8", this.results, keyOf(ref), result.outcome);
  }

  /** Compares the tables with what is known, and with what they were. */
  check(sql: SqlStorage, limited: { readonly eventId: string; readonly limit: number }): void {
    this.checks += 1;
    const runs = new Map((sql.exec("SELECT * FROM runs").toArray() as unknown as RunRow[]).map((row) => [row.id, row]));
    const rows = sql.exec("SELECT * FROM attempts ORDER BY run_id, attempt").toArray() as unknown as AttemptRow[];
    const attempts = new Map(rows.map((row) => [`${row.run_id}/${row.attempt}`, row]));
    this.checkHistory(runs, attempts);
    const live = new Map<string, number>();
    for (const row of rows) {
      this.checkAttempt(row, runs.get(row.run_id), attempts);
      if (LIVE.includes(row.state)) {
        live.set(row.run_id, (live.get(row.run_id) ?? 0) + 1);
      }
    }
    for (const [runId, count] of live) {
      this.hold(count === 1, `I3 ${runId} has ${count} live attempts`);
    }
    const busy = [...live.keys()].filter((id) => runs.get(id)?.event_id === limited.eventId).length;
    this.hold(busy <= limited.limit, `I16 ${busy} runs of the limited event are under way`);
    this.checkRuns(runs);
    for (const { id, state, attempt } of runs.values()) {
      const succeeded = attempts.get(`${id}/${attempt}`)?.outcome === "succeeded";
      this.hold(state !== "cancelled" || !succeeded, `F26 ${id} is cancelled although its success was accepted`);
    }
    for (const [key, outcome] of this.results) {
      this.hold(attempts.get(key)?.outcome === outcome, `I8 the acknowledged result of ${key} is gone or another`);
    }
    this.runs = runs;
    this.attempts = attempts;
  }

  private checkHistory(runs: ReadonlyMap<string, RunRow>, attempts: ReadonlyMap<string, AttemptRow>): void {
    for (const [id, old] of this.runs) {
      const run = runs.get(id);
      this.hold(run !== undefined, `I1 ${id} has vanished`);
      this.hold((run?.rev ?? 0) >= old.rev, `I14 ${id} went back to rev ${run?.rev}`);
      this.hold((run?.attempt ?? 0) >= old.attempt, `I2 ${id} went back to attempt ${run?.attempt}`);
      this.hold(!isTerminal(old.state) || run?.state === old.state, `I5 ${id} was ${old.state}, is ${run?.state}`);
    }
    for (const [key, old] of this.attempts) {
      const now = attempts.get(key);
      this.hold(now?.runner_id === old.runner_id, `I2 ${key} moved to another machine`);
      this.hold(old.outcome === null || now?.outcome === old.outcome, `I6 ${key} had ${old.outcome}`);
      // A lost attempt may come back for as long as there is no other.
      const followed = old.attempt < (this.runs.get(old.run_id)?.attempt ?? 0);
      const over = !LIVE.includes(old.state) && (old.state !== "lost" || followed);
      const same = now?.state === old.state && now.outcome === old.outcome;
      this.hold(!over || same, `I17 ${key} was ${old.state} ${old.outcome}, is ${now?.state} ${now?.outcome}`);
    }
  }

  private checkAttempt(row: AttemptRow, run: RunRow | undefined, attempts: ReadonlyMap<string, AttemptRow>): void {
    const key = `${row.run_id}/${row.attempt}`;
    const previous = attempts.has(`${row.run_id}/${row.attempt - 1}`);
    this.hold(row.attempt === 1 || previous, `I2 ${key} exists without the attempt before it`);
    this.hold(run !== undefined && row.attempt <= run.attempt, `I2 ${key} is newer than its run`);
    this.hold(
      row.state !== "succeeded" || row.attempt === run?.attempt,
      `I6 ${key} succeeded although a later attempt exists`,
    );
    const holder = this.grants.get(key);
    this.hold(holder === undefined || holder === row.runner_id, `I7 ${key} was granted to ${holder}`);
    this.hold(holder === undefined || row.accepted_at !== null, `I7 ${key} was granted and is ${row.state}`);
    this.hold(!this.starts.has(key) || row.accepted_at !== null, `I11 ${key} started and was never accepted`);
  }

  private checkRuns(runs: ReadonlyMap<string, RunRow>): void {
    const starts = new Map<string, number>();
    for (const key of this.starts.keys()) {
      const [runId = ""] = key.split("/");
      starts.set(runId, (starts.get(runId) ?? 0) + 1);
    }
    for (const [runId, count] of starts) {
      const most = runs.get(runId)?.max_attempts ?? 0;
      this.hold(count <= most, `I10 ${runId} started ${count} times, ${most} are allowed`);
    }
    for (const runId of this.accepted) {
      this.hold(runs.has(runId), `I1 ${runId} was acknowledged and is nowhere`);
    }
    this.hold(runs.size <= this.accepted.size + 1, `I1 there are ${runs.size} runs for ${this.accepted.size} triggers`);
  }

  private same<T>(rule: string, known: Map<string, T>, key: string, value: T): void {
    const before = known.get(key);
    this.hold(before === undefined || before === value, `${rule} ${key}: ${String(before)} and then ${String(value)}`);
    known.set(key, value);
  }

  private hold(holds: boolean, sentence: string): void {
    if (!holds && this.broken.length < 20) {
      this.broken.push(sentence);
    }
  }
}
