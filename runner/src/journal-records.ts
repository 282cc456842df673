/** What the lines of the journal say, how they are written, and what they add up to for each attempt. */
import { crc32 } from "node:zlib";
import * as z from "zod";
import { type AttemptRef, HOME_SHARD, Job, JobResult, type Json, JsonValue, onLostPolicies } from "@cronium/protocol";

/** Of a job in a container that serves several: the word that ends its output, and the bytes that came before it. */
interface AgainMark {
  readonly mark: string;
  readonly stdout: number;
  readonly stderr: number;
}

/** Why the runner itself stops a job. */
export const stopReasons = ["cancelled", "timed_out", "shutdown", "lease_lost", "log_quota"] as const;

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
  z.strictObject({
    type: z.literal("bound"),
    ...attempt,
    token: z.string(),
    at: z.number(),
    /** Its container serves several runs: what ends its output, and how much came before it. */
    again: z.strictObject({ mark: z.string(), stdout: z.int(), stderr: z.int() }).optional(),
  }),
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
  readonly bound: { readonly token: string; readonly at: number; readonly again?: AgainMark } | null;
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
      return {
        bound: {
          token: record.token,
          at: record.at,
          ...(record.again === undefined ? {} : { again: record.again }),
        },
      };
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
      return { result: record.result, output: null };
    case "exited_acked":
      return { resultAcked: true };
    case "done":
      // Until here output may have to be read again, and must be masked.
      return { done: record.report, secrets: null };
    default:
      return record satisfies never;
  }
}

/** The records that an entry is made of again. */
export function recordsOf(entry: JournalEntry): JournalRecord[] {
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

export function encodeLine(record: JournalRecord): Buffer {
  const json = JSON.stringify(record);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

/** `unknown`: written whole, by a version of the runner that knows more. */
export function decodeLine(line: Buffer): JournalRecord | "torn" | "unknown" {
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
