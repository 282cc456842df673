/** What became of nominal times: lists, how late they were, and how long they are kept. */
import type { Lateness, Occurrence } from "@cronium/protocol";
import type { OccurrenceAsk, WhyFacts } from "../../../domain/schedule/ledger.ts";
import type { ScheduleDefinition } from "@cronium/protocol";
import { readSettings } from "../settings.ts";
import type { Shell, Turn } from "../shell.ts";
import { nextNominal } from "@cronium/protocol/timing";
import { readSchedule } from "./rows.ts";

const DAY_MS = 86_400_000;
/** Rows that are deleted in one turn. */
const BATCH = 2_000;
const MEASURED = { one: 1_000, all: 10_000 } as const;

/** Newest nominal time first. */
export function listOccurrences(shell: Shell, ask: OccurrenceAsk): Occurrence[] {
  const { scheduleId, eventId, decision, from, to, before, limit } = ask;
  const parts: [string, string | number | null | undefined][] = [
    ["schedule_id = ?", scheduleId],
    ["event_id = ?", eventId],
    ["decision = ?", decision],
    ["nominal_at >= ?", from],
    ["nominal_at < ?", to],
  ];
  const used = parts.filter(([, value]) => value !== undefined && value !== null);
  const where = [...used.map(([text]) => text), ...(before === null ? [] : ["(nominal_at, schedule_id) < (?, ?)"])];
  return shell.sql
    .exec(
      `SELECT * FROM occurrences ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`}
       ORDER BY nominal_at DESC, schedule_id DESC LIMIT ?`,
      ...used.map(([, value]) => value as string | number),
      ...(before === null ? [] : [before.at, before.id]),
      limit,
    )
    .toArray()
    .map((row) => view(shell, row));
}

type Row = Readonly<Record<string, SqlStorageValue>>;
const iso = (at: SqlStorageValue): string => new Date(at as number).toISOString();

function view(shell: Shell, row: Row): Occurrence {
  const scheduleId = row["schedule_id"] as string;
  const named = shell.sql
    .exec("SELECT definition->>'name' AS name FROM schedules WHERE id = ?", scheduleId)
    .toArray()[0];
  return {
    scheduleId,
    scheduleName: (named?.["name"] as string | undefined) ?? "",
    eventId: row["event_id"] as string,
    nominalAt: iso(row["nominal_at"] ?? 0),
    dueAt: iso(row["due_at"] ?? 0),
    decision: row["decision"] as Occurrence["decision"],
    reason: row["reason"] as Occurrence["reason"],
    message: row["message"] as string | null,
    decidedAt: iso(row["decided_at"] ?? 0),
    runId: row["run_id"] as string | null,
    latenessMs: Math.max(0, (row["decided_at"] as number) - (row["due_at"] as number)),
    startLatenessMs: row["started_late"] as number | null,
  };
}

/** Of one schedule, or of all. Only what was due then is measured, not what was made up for or asked for later. */
export function readLateness(shell: Shell, scheduleId: string | null): Lateness {
  const rows = shell.sql
    .exec(
      `SELECT decided_at - due_at AS queued, started_late AS started FROM occurrences
       WHERE decision = 'run' AND reason IN ('due', 'caught_up') ${scheduleId === null ? "" : "AND schedule_id = ?"}
       ORDER BY nominal_at DESC LIMIT ?`,
      ...(scheduleId === null ? [] : [scheduleId]),
      scheduleId === null ? MEASURED.all : MEASURED.one,
    )
    .toArray();
  const numbers = (key: "queued" | "started"): number[] =>
    rows.flatMap((row) => (row[key] === null ? [] : [Math.max(0, row[key] as number)])).toSorted((a, b) => a - b);
  return { queued: percentiles(numbers("queued")), started: percentiles(numbers("started")) };
}

function percentiles(sorted: readonly number[]): Lateness["queued"] {
  const at = (share: number): number | null =>
    sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? null;
  return { p50: at(0.5), p99: at(0.99), count: sorted.length };
}

/** What is known about a schedule at `at`: a nominal time in [`from`, `until`) is what is meant. Null when there is none of that id. */
export function whyFacts(
  shell: Shell,
  { scheduleId, from, until }: { readonly scheduleId: string; readonly from: number; readonly until: number },
): WhyFacts | null {
  const schedule = readSchedule(shell, scheduleId);
  if (schedule === null) {
    return null;
  }
  const row = shell.sql
    .exec(
      "SELECT * FROM occurrences WHERE schedule_id = ? AND nominal_at >= ? AND nominal_at < ? ORDER BY nominal_at LIMIT 1",
      scheduleId,
      from,
      until,
    )
    .toArray()[0];
  const history = shell.sql
    .exec(
      "SELECT * FROM schedule_history WHERE schedule_id = ? AND at < ? ORDER BY at DESC, n DESC LIMIT 1",
      scheduleId,
      until,
    )
    .toArray()[0];
  const definition =
    history === undefined ? schedule.definition : (JSON.parse(history["definition"] as string) as ScheduleDefinition);
  const anchorAt = (history?.["anchor_at"] as number | undefined) ?? schedule.anchorAt;
  const meant = nextNominal(definition, anchorAt, from - 1)?.at ?? null;
  return {
    createdAt: schedule.createdAt,
    timezone: definition.timezone,
    occurrence: row === undefined ? null : view(shell, row),
    said:
      history === undefined
        ? null
        : {
            what: history["what"] as "active" | "paused" | "deleted",
            message: history["message"] as string | null,
            since: history["at"] as number,
          },
    nominalAt: meant !== null && meant < until ? meant : null,
    before: lastBefore(definition, anchorAt, from),
    after: nextNominal(definition, anchorAt, until - 1)?.at ?? null,
    keptFrom: keptFrom(shell, shell.deps.clock.now()),
  };
}

/** The last nominal time before `at`, looked for in steps that grow; null when there is none within four years. */
function lastBefore(definition: ScheduleDefinition, anchorAt: number, at: number): number | null {
  for (const span of [3_600_000, DAY_MS, 8 * DAY_MS, 32 * DAY_MS, 366 * DAY_MS, 1_462 * DAY_MS]) {
    let found: number | null = null;
    let next = nextNominal(definition, anchorAt, at - span)?.at ?? null;
    while (next !== null && next < at) {
      found = next;
      next = nextNominal(definition, anchorAt, next)?.at ?? null;
    }
    if (found !== null) {
      return found;
    }
  }
  return null;
}

function keptFrom(shell: Shell, now: number): number {
  return now - readSettings(shell.sql).occurrenceRetentionDays * DAY_MS;
}

/** Forgets what is older than the workspace keeps it. Whether there may be more. */
export function forgetOccurrences(shell: Shell, turn: Turn): boolean {
  const cutoff = keptFrom(shell, turn.now);
  const gone = shell.sql
    .exec(
      `DELETE FROM occurrences WHERE (schedule_id, nominal_at) IN (
         SELECT schedule_id, nominal_at FROM occurrences INDEXED BY occurrences_at
         WHERE nominal_at < ? AND live = 0 ORDER BY nominal_at LIMIT ?) RETURNING 1`,
      cutoff,
      BATCH,
    )
    .toArray().length;
  // Of what a schedule said, the newest word before the cutoff still says what held at it.
  shell.sql.exec(
    `DELETE FROM schedule_history WHERE at < ?1 AND EXISTS (
       SELECT 1 FROM schedule_history later WHERE later.schedule_id = schedule_history.schedule_id
         AND later.at < ?1 AND (later.at, later.n) > (schedule_history.at, schedule_history.n))`,
    cutoff,
  );
  shell.sql.exec(
    `DELETE FROM schedules WHERE deleted_at < ?1
       AND NOT EXISTS (SELECT 1 FROM occurrences WHERE schedule_id = schedules.id)`,
    cutoff,
  );
  shell.sql.exec("DELETE FROM backfills WHERE due_at IS NULL AND created_at < ?", cutoff);
  return gone === BATCH;
}
