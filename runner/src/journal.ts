/**
 * What a runner must not forget when it dies: which attempts it took, how far each got, and results that the control
 * plane has not acknowledged yet.
 *
 * On disk: `journal.log`, one record per line, `crc32 as 8 hex digits · space · JSON`. Records are only appended; a
 * record is durable (fdatasync) before anything that depends on it leaves the machine. Callers that append together
 * share one sync. A power cut may tear the last line: reading stops at the first line whose checksum is wrong, and the
 * file is rewritten up to there. Entries that are over are left out when the file is compacted, at start and past 4 MiB.
 *
 * Example: `accepted` is durable → `accept` is sent → the runner is killed. The next process finds the entry without a
 * result. With a `bound` record its container may still run, and everything needed to go on with it is here: the job,
 * the slot, the token, when it started. Without one the attempt is reported as lost.
 *
 * Times in it are of the monotonic clock, which all processes share until the machine boots again.
 */
import {
  closeSync,
  fdatasync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import * as z from "zod";
import { type AttemptRef, HOME_SHARD, Job, JobResult, type Json, JsonValue, onLostPolicies } from "@cronium/protocol";
import type { Log } from "./base/log.ts";

const COMPACT_PAST_BYTES = 4 * 1024 * 1024;

/** Why the runner itself stops a job. */
export const stopReasons = ["cancelled", "timed_out", "shutdown", "lease_lost"] as const;

const attempt = { runId: z.string(), attempt: z.int() };

const DoneReport = z.strictObject({
  logBytes: z.int().min(0),
  logState: z.enum(["complete", "incomplete", "truncated"]),
});
export type DoneReport = z.infer<typeof DoneReport>;

const JournalRecord = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("accepted"),
    ...attempt,
    slot: z.string(),
    onLost: z.enum(onLostPolicies),
    /** Missing where an older version wrote it, or one whose jobs this one cannot read: then nobody goes on with it. */
    job: Job.optional().catch(undefined),
  }),
  z.strictObject({
    type: z.literal("granted"),
    ...attempt,
    logToken: z.string(),
    /** Sealed, as they came. */
    secrets: z.string().optional(),
    variables: z.record(z.string(), JsonValue).optional(),
  }),
  /** Its container is about to start; `token` opens the job's runtime API. */
  z.strictObject({ type: z.literal("bound"), ...attempt, token: z.string(), at: z.number() }),
  z.strictObject({ type: z.literal("handed_out"), ...attempt }),
  z.strictObject({ type: z.literal("started"), ...attempt, at: z.number().optional() }),
  z.strictObject({
    type: z.literal("stopping"),
    ...attempt,
    reason: z.enum(stopReasons),
    graceMs: z.number().min(0),
  }),
  z.strictObject({ type: z.literal("output"), ...attempt, value: JsonValue }),
  z.strictObject({ type: z.literal("exited"), ...attempt, result: JobResult }),
  z.strictObject({ type: z.literal("exited_acked"), ...attempt }),
  z.strictObject({ type: z.literal("done"), ...attempt, report: DoneReport }),
  z.strictObject({ type: z.literal("dropped"), ...attempt }),
  /** The leases of all attempts of this shard, home by default, hold for `leaseMs` from `at`. */
  z.strictObject({ type: z.literal("renewed"), shard: z.int().optional(), at: z.number(), leaseMs: z.int() }),
]);
export type JournalRecord = z.infer<typeof JournalRecord>;

/** Everything known of one attempt. */
export interface JournalEntry {
  readonly runId: string;
  readonly attempt: number;
  readonly slot: string;
  readonly onLost: (typeof onLostPolicies)[number];
  readonly job: Job | null;
  readonly logToken: string | null;
  /** What its secrets are sealed in; null without any. */
  readonly secrets: string | null;
  readonly variables: Readonly<Record<string, Json>>;
  readonly bound: { readonly token: string; readonly at: number } | null;
  readonly handedOut: boolean;
  readonly started: boolean;
  /** When its process started; null where it did not, or an older version wrote the record. */
  readonly startedAt: number | null;
  readonly stopping: { readonly reason: (typeof stopReasons)[number]; readonly graceMs: number } | null;
  readonly output: Json;
  readonly result: JobResult | null;
  readonly resultAcked: boolean;
  readonly done: DoneReport | null;
}

export interface LastRenewal {
  readonly at: number;
  readonly leaseMs: number;
}

export function attemptKey(ref: AttemptRef): string {
  return `${ref.runId}/${ref.attempt}`;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Journal {
  private readonly path: string;
  private readonly log: Log;
  private readonly live = new Map<string, JournalEntry>();
  private file: number;
  private bytes = 0;
  private compactedBytes = 0;
  private readonly renewals = new Map<number, LastRenewal>();
  private waiting: Waiter[] = [];
  private syncing = false;

  /** Opens the journal in `dataDir`, creates it if needed, and reads what an earlier process left. */
  constructor(dataDir: string, log: Log) {
    this.path = join(dataDir, "journal.log");
    this.log = log;
    this.file = openSync(this.path, "a+", 0o600);
    this.load();
    this.compact();
  }

  entries(): JournalEntry[] {
    return [...this.live.values()];
  }

  /** The newest renewal of home's leases that was noted. */
  get lastRenewal(): LastRenewal | null {
    return this.renewals.get(HOME_SHARD) ?? null;
  }

  /** The newest renewal of each shard. */
  get lastRenewals(): ReadonlyMap<number, LastRenewal> {
    return this.renewals;
  }

  get(ref: AttemptRef): JournalEntry | undefined {
    return this.live.get(attemptKey(ref));
  }

  /** Appends a record; resolves once it is durable. Rejects with what the file system says, such as ENOSPC. */
  async write(record: JournalRecord): Promise<void> {
    this.append(record);
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.sync();
    });
  }

  /** Appends a record that may be lost in a power cut without harm. */
  note(record: JournalRecord): void {
    this.append(record);
  }

  close(): void {
    closeSync(this.file);
  }

  private append(record: JournalRecord): void {
    // Twice what was live last time: large jobs must not make every record rewrite the file.
    if (this.bytes > Math.max(COMPACT_PAST_BYTES, 2 * this.compactedBytes) && !this.syncing) {
      this.compact();
    }
    const line = encodeLine(record);
    writeAll(this.file, line);
    this.bytes += line.length;
    this.apply(record);
  }

  private sync(): void {
    if (this.syncing || this.waiting.length === 0) {
      return;
    }
    const batch = this.waiting;
    this.waiting = [];
    this.syncing = true;
    fdatasync(this.file, (error) => {
      this.syncing = false;
      for (const waiter of batch) {
        if (error === null) {
          waiter.resolve();
        } else {
          waiter.reject(error);
        }
      }
      this.sync();
    });
  }

  private apply(record: JournalRecord): void {
    if (record.type === "renewed") {
      this.renewals.set(record.shard ?? HOME_SHARD, { at: record.at, leaseMs: record.leaseMs });
    } else {
      applyRecord(this.live, record);
    }
  }

  private load(): void {
    const bytes = readFileSync(this.path);
    let at = 0;
    while (at < bytes.length) {
      const end = bytes.indexOf(0x0a, at);
      const record = end < 0 ? "torn" : decodeLine(bytes.subarray(at, end));
      if (record === "torn") {
        this.log.warn("journal.torn", { path: this.path, keptBytes: at, droppedBytes: bytes.length - at });
        truncateSync(this.path, at);
        break;
      }
      if (record === "unknown") {
        this.log.error("journal.unknown_record", { path: this.path, position: at });
      } else {
        this.apply(record);
      }
      at = end + 1;
    }
    this.bytes = at;
  }

  /** Writes what is still live into a new file that takes the place of the old one in one step. */
  private compact(): void {
    const next = `${this.path}.new`;
    const file = openSync(next, "w", 0o600);
    let bytes = 0;
    const renewed = [...this.renewals].map(([shard, renewal]) => renewedRecord(shard, renewal));
    for (const record of [...renewed, ...this.entries().flatMap(recordsOf)]) {
      const line = encodeLine(record);
      writeAll(file, line);
      bytes += line.length;
    }
    fsyncSync(file);
    closeSync(file);
    renameSync(next, this.path);
    closeSync(this.file);
    this.file = openSync(this.path, "a", 0o600);
    this.bytes = statSync(this.path).size;
    this.compactedBytes = this.bytes;
    syncFolder(join(this.path, ".."));
    this.log.debug("journal.compacted", { bytes, entries: this.live.size });
  }
}

const nothingYet = {
  logToken: null,
  secrets: null,
  variables: {},
  bound: null,
  handedOut: false,
  started: false,
  startedAt: null,
  stopping: null,
  output: null,
  result: null,
  resultAcked: false,
  done: null,
} as const;

/** What a record of an attempt makes of the entries, which are kept by `attemptKey`. */
export function applyRecord(
  live: Map<string, JournalEntry>,
  record: Exclude<JournalRecord, { type: "renewed" }>,
): void {
  const key = attemptKey(record);
  if (record.type === "accepted") {
    const { runId, attempt: number, slot, onLost, job = null } = record;
    live.set(key, { runId, attempt: number, slot, onLost, job, ...nothingYet });
    return;
  }
  const entry = live.get(key);
  if (record.type === "dropped") {
    live.delete(key);
  } else if (entry !== undefined) {
    live.set(key, { ...entry, ...changes(record) });
  }
}

type Change = Exclude<JournalRecord, { type: "accepted" | "dropped" | "renewed" }>;

function changes(record: Change): Partial<JournalEntry> {
  switch (record.type) {
    case "granted":
      return {
        logToken: record.logToken,
        secrets: record.secrets ?? null,
        variables: record.variables ?? {},
      };
    case "bound":
      return { bound: { token: record.token, at: record.at } };
    case "handed_out":
      return { handedOut: true };
    case "started":
      return { started: true, startedAt: record.at ?? null };
    case "stopping":
      return { stopping: { reason: record.reason, graceMs: record.graceMs } };
    case "output":
      return { output: record.value };
    case "exited":
      // The result carries the output from here on.
      return { result: record.result, output: null, secrets: null };
    case "exited_acked":
      return { resultAcked: true };
    case "done":
      return { done: record.report };
    default:
      return record satisfies never;
  }
}

function recordsOf(entry: JournalEntry): JournalRecord[] {
  const ref = { runId: entry.runId, attempt: entry.attempt };
  const { slot, onLost, job } = entry;
  const records: JournalRecord[] = [{ type: "accepted", ...ref, slot, onLost, ...(job === null ? {} : { job }) }];
  if (entry.logToken !== null) {
    records.push({
      type: "granted",
      ...ref,
      logToken: entry.logToken,
      ...(entry.secrets === null ? {} : { secrets: entry.secrets }),
      ...(Object.keys(entry.variables).length === 0 ? {} : { variables: { ...entry.variables } }),
    });
  }
  if (entry.bound !== null) {
    records.push({ type: "bound", ...ref, ...entry.bound });
  }
  if (entry.handedOut) {
    records.push({ type: "handed_out", ...ref });
  }
  if (entry.started) {
    records.push({ type: "started", ...ref, ...(entry.startedAt === null ? {} : { at: entry.startedAt }) });
  }
  if (entry.stopping !== null) {
    records.push({ type: "stopping", ...ref, ...entry.stopping });
  }
  if (entry.output !== null) {
    records.push({ type: "output", ...ref, value: entry.output });
  }
  if (entry.result !== null) {
    records.push({ type: "exited", ...ref, result: entry.result });
  }
  if (entry.resultAcked) {
    records.push({ type: "exited_acked", ...ref });
  }
  if (entry.done !== null) {
    records.push({ type: "done", ...ref, report: entry.done });
  }
  return records;
}

/** Of home as every version writes it. */
export function renewedRecord(shard: number, renewal: LastRenewal): JournalRecord {
  return { type: "renewed", ...(shard === HOME_SHARD ? {} : { shard }), ...renewal };
}

function encodeLine(record: JournalRecord): Buffer {
  const json = JSON.stringify(record);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

/** `unknown`: written whole, by a version of the runner that knows more. */
function decodeLine(line: Buffer): JournalRecord | "torn" | "unknown" {
  const text = line.toString("utf8");
  const json = text.slice(9);
  if (text.slice(0, 9) !== `${checksum(json)} `) {
    return "torn";
  }
  return JournalRecord.safeParse(JSON.parse(json)).data ?? "unknown";
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

function writeAll(file: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(file, bytes, written);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
