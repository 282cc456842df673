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
import { type AttemptRef, HOME_SHARD } from "@cronium/protocol";
import type { Log } from "./base/log.ts";
import {
  applyRecord,
  attemptKey,
  decodeLine,
  encodeLine,
  type JournalEntry,
  type JournalRecord,
  type LastRenewal,
  recordsOf,
  renewedRecord,
} from "./journal-records.ts";

const COMPACT_PAST_BYTES = 4 * 1024 * 1024;

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
