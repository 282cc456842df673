/**
 * The runner's journal without a disk; what a record means is `runner/src/journal.ts`. A record is on the machine as
 * soon as it is appended, as in the page cache, and acknowledged when the sync would be through; it survives the process.
 */
import type { AttemptRef } from "@cronium/protocol";
import { type Journal } from "../runner/src/journal.ts";
import {
  applyRecord,
  attemptKey,
  type JournalEntry,
  type JournalRecord,
  type LastRenewal,
} from "../runner/src/journal-records.ts";

export class SimJournal implements Pick<Journal, "entries" | "get" | "write" | "note" | "lastRenewal"> {
  lastRenewal: LastRenewal | null = null;
  private readonly live = new Map<string, JournalEntry>();
  private readonly sync: () => Promise<void>;

  /** `sync` resolves when what was appended before is durable. */
  constructor(sync: () => Promise<void>) {
    this.sync = sync;
  }

  entries(): JournalEntry[] {
    return [...this.live.values()];
  }

  get(ref: AttemptRef): JournalEntry | undefined {
    return this.live.get(attemptKey(ref));
  }

  write(record: JournalRecord): Promise<void> {
    this.note(record);
    return this.sync();
  }

  note(record: JournalRecord): void {
    if (record.type === "renewed") {
      this.lastRenewal = { at: record.at, leaseMs: record.leaseMs };
    } else {
      applyRecord(this.live, record);
    }
  }
}
