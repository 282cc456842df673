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
 * result, removes its container and reports the attempt as lost.
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
import { type AttemptRef, JobResult, type Json, JsonValue, onLostPolicies } from "@cronium/protocol";
import type { Log } from "./base/log.ts";

const COMPACT_PAST_BYTES = 4 * 1024 * 1024;

const attempt = { runId: z.string(), attempt: z.int() };

const DoneReport = z.strictObject({
  logBytes: z.int().min(0),
  logState: z.enum(["complete", "incomplete", "truncated"]),
});
export type DoneReport = z.infer<typeof DoneReport>;

const JournalRecord = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("accepted"), ...attempt, slot: z.string(), onLost: z.enum(onLostPolicies) }),
  z.strictObject({ type: z.literal("granted"), ...attempt, logToken: z.string() }),
  z.strictObject({ type: z.literal("started"), ...attempt }),
  z.strictObject({ type: z.literal("output"), ...attempt, value: JsonValue }),
  z.strictObject({ type: z.literal("exited"), ...attempt, result: JobResult }),
  z.strictObject({ type: z.literal("exited_acked"), ...attempt }),
  z.strictObject({ type: z.literal("done"), ...attempt, report: DoneReport }),
  z.strictObject({ type: z.literal("dropped"), ...attempt }),
]);
export type JournalRecord = z.infer<typeof JournalRecord>;

/** Everything known of one attempt. */
export interface JournalEntry {
  readonly runId: string;
  readonly attempt: number;
  readonly slot: string;
  readonly onLost: (typeof onLostPolicies)[number];
  readonly logToken: string | null;
  readonly started: boolean;
  readonly output: Json;
  readonly result: JobResult | null;
  readonly resultAcked: boolean;
  readonly done: DoneReport | null;
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
    if (this.bytes > COMPACT_PAST_BYTES && !this.syncing) {
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
    const key = attemptKey(record);
    if (record.type === "accepted") {
      const { runId, attempt: number, slot, onLost } = record;
      const empty = { logToken: null, started: false, output: null, result: null, resultAcked: false, done: null };
      this.live.set(key, { runId, attempt: number, slot, onLost, ...empty });
      return;
    }
    const entry = this.live.get(key);
    if (record.type === "dropped") {
      this.live.delete(key);
    } else if (entry !== undefined) {
      this.live.set(key, { ...entry, ...changes(record) });
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
    for (const record of this.entries().flatMap(recordsOf)) {
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
    syncFolder(join(this.path, ".."));
    this.log.debug("journal.compacted", { bytes, entries: this.live.size });
  }
}

type Change = Exclude<JournalRecord, { type: "accepted" | "dropped" }>;

function changes(record: Change): Partial<JournalEntry> {
  switch (record.type) {
    case "granted":
      return { logToken: record.logToken };
    case "started":
      return { started: true };
    case "output":
      return { output: record.value };
    case "exited":
      // The result carries the output from here on.
      return { result: record.result, output: null };
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
  const records: JournalRecord[] = [{ type: "accepted", ...ref, slot: entry.slot, onLost: entry.onLost }];
  if (entry.logToken !== null) {
    records.push({ type: "granted", ...ref, logToken: entry.logToken });
  }
  if (entry.started) {
    records.push({ type: "started", ...ref });
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
