/** Runs in D1: a projection, for lists and for runs that have left the Dispatcher. */
import type { RunState, RunSummary, Trigger } from "@cronium/protocol";

/** Of a run in its list. */
export interface Place {
  readonly at: number;
  readonly id: string;
}

export interface RunRowFilter {
  /** Any of them. */
  readonly state: readonly RunState[] | undefined;
  readonly eventId: string | undefined;
  readonly runnerId: string | undefined;
  readonly trigger: Trigger | undefined;
  /** `key=value`, all of them. */
  readonly label: readonly string[] | undefined;
  /** Queued in [from, to), milliseconds since 1970. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Part of the event's name. */
  readonly q: string | undefined;
  /** Only those that can be requeued. */
  readonly deadLetter: boolean;
  /** Only those that a chain started at the end of this run. */
  readonly parentRunId?: string | undefined;
  /** Ended at or before; milliseconds since 1970. */
  readonly endedBy?: number | undefined;
  readonly after: Place | null;
  readonly limit: number;
}

/** Names that a text may match; beyond them the text says too little to be worth a search. */
const MOST_NAMES = 200;

/** What a page holds of each run, and in which order. */
export interface RunPageForm {
  readonly columns: readonly string[];
  readonly order: "newest" | "oldest";
}
const asListed: RunPageForm = { columns: ["summary"], order: "newest" };

/**
 * One page, as statement and values.
 *
 * What is given first in this list picks the index that is walked from the newest row on, or the oldest; the rest is checked on the
 * rows met: label (`run_labels`), parent (`runs_by_parent`), runner (`runs_by_runner`), event (`runs_by_event`), name (`runs_by_name`), state
 * (`runs_by_state`), trigger (`runs_by_trigger`), nothing (`runs_list`). For several names or states the index is
 * walked once for each, a page at most, and the pages are merged: no list is sorted that is longer than what it shows.
 */
export function runListQuery(
  workspaceId: string,
  filter: RunRowFilter,
  { columns, order }: RunPageForm = asListed,
): { readonly query: string; readonly values: readonly (string | number)[] } {
  const [behind, direction] = order === "newest" ? ["<", "DESC"] : [">", "ASC"];
  const select = (table: string): string => `SELECT ${columns.map((column) => `${table}.${column}`).join(", ")}`;
  const sorted = (table: string, id: string): string =>
    `ORDER BY ${table}.queued_at ${direction}, ${table}.${id} ${direction} LIMIT ${limit}`;
  const values: (string | number)[] = [workspaceId];
  const bind = (value: string | number): string => `?${values.push(value)}`;
  const limit = bind(filter.limit);
  const time = (table: string, id: string): string[] => [
    ...(filter.after === null
      ? []
      : [`(${table}.queued_at, ${table}.${id}) ${behind} (${bind(filter.after.at)}, ${bind(filter.after.id)})`]),
    ...(filter.from === undefined ? [] : [`${table}.queued_at >= ${bind(filter.from)}`]),
    ...(filter.to === undefined ? [] : [`${table}.queued_at < ${bind(filter.to)}`]),
  ];
  const [label, ...moreLabels] = filter.label ?? [];
  const [state] = filter.state ?? [];
  const conditions = {
    runner: filter.runnerId === undefined ? null : `r.runner_id = ${bind(filter.runnerId)}`,
    event: filter.eventId === undefined ? null : `r.event_id = ${bind(filter.eventId)}`,
    name:
      filter.q === undefined
        ? null
        : `r.event_name IN (SELECT name FROM run_names WHERE workspace_id = ?1 AND ${holds(bind(filter.q))} LIMIT ${MOST_NAMES})`,
    state:
      filter.state === undefined || state === undefined
        ? null
        : filter.state.length === 1
          ? `r.state = ${bind(state)}`
          : `r.state IN (SELECT value FROM json_each(${bind(JSON.stringify(filter.state))}))`,
    trigger: filter.trigger === undefined ? null : `r.trigger = ${bind(filter.trigger)}`,
    parent:
      filter.parentRunId === undefined
        ? null
        : `r.trigger = 'event' AND r.summary ->> '$.origin.runId' = ${bind(filter.parentRunId)}`,
    ended: filter.endedBy === undefined ? null : `r.finished_at <= ${bind(filter.endedBy)}`,
    dead: filter.deadLetter ? "r.state = 'failed' AND r.summary ->> 'failReason' = 'retries_exhausted'" : null,
  };
  const labels = moreLabels.map(
    (one) =>
      `EXISTS (SELECT 1 FROM run_labels m WHERE m.workspace_id = ?1 AND m.label = ${bind(one)} AND m.queued_at = r.queued_at AND m.run_id = r.id)`,
  );
  const all = (except: keyof typeof conditions | null): string[] => [
    ...Object.entries(conditions).flatMap(([key, text]) => (text === null || key === except ? [] : [text])),
    ...labels,
  ];
  const and = (...parts: readonly string[]): string => parts.map((part) => ` AND ${part}`).join("");
  if (label !== undefined) {
    return {
      query: `${select("r")} FROM run_labels l CROSS JOIN runs r ON r.id = l.run_id
        WHERE l.workspace_id = ?1 AND l.label = ${bind(label)}${and(...time("l", "run_id"), ...all(null))}
        ${sorted("l", "run_id")}`,
      values,
    };
  }
  const one = (index: string): string =>
    `${select("r")} FROM runs r INDEXED BY ${index} WHERE r.workspace_id = ?1${and(...time("r", "id"), ...all(null))} ${sorted("r", "id")}`;
  const merged = (index: string, source: string, condition: string, except: keyof typeof conditions): string =>
    `${select("o")} FROM ${source} CROSS JOIN runs o ON o.id IN (
       SELECT r.id FROM runs r INDEXED BY ${index}
       WHERE r.workspace_id = ?1 AND ${condition}${and(...time("r", "id"), ...all(except))} ${sorted("r", "id")})
     ${sorted("o", "id")}`;
  if (conditions.parent !== null) {
    return { query: one("runs_by_parent"), values };
  }
  if (conditions.dead !== null) {
    return { query: one("runs_dead"), values };
  }
  if (conditions.runner !== null) {
    return { query: one("runs_by_runner"), values };
  }
  if (conditions.event !== null) {
    return { query: one("runs_by_event"), values };
  }
  if (filter.q !== undefined) {
    const names = `(SELECT name FROM run_names WHERE workspace_id = ?1 AND ${holds(bind(filter.q))} LIMIT ${MOST_NAMES}) n`;
    return { query: merged("runs_by_name", names, "r.event_name = n.name", "name"), values };
  }
  if (filter.state !== undefined && filter.state.length > 1) {
    const states = `json_each(${bind(JSON.stringify(filter.state))}) s`;
    return { query: merged("runs_by_state", states, "r.state = s.value", "state"), values };
  }
  if (conditions.state !== null) {
    return { query: one("runs_by_state"), values };
  }
  return { query: one(conditions.trigger === null ? "runs_list" : "runs_by_trigger"), values };
}

/** A name that holds this text, whatever its case in ASCII. LIKE refuses patterns beyond 50 bytes. */
function holds(parameter: string): string {
  return `instr(lower(name), lower(${parameter})) > 0`;
}

export async function listRunRows(d1: D1Database, workspaceId: string, filter: RunRowFilter): Promise<RunSummary[]> {
  const { query, values } = runListQuery(workspaceId, filter);
  const { results } = await d1
    .prepare(query)
    .bind(...values)
    .all<{ summary: string }>();
  return results.map((row) => JSON.parse(row.summary) as RunSummary);
}

/** How many there are, or `limit` when there are more. As `runListQuery`, without the rows themselves. */
export async function countRunRows(d1: D1Database, workspaceId: string, filter: RunRowFilter): Promise<number> {
  const { query, values } = runListQuery(workspaceId, filter, { columns: ["id"], order: "newest" });
  const row = await d1
    .prepare(`SELECT count(*) AS found FROM (${query})`)
    .bind(...values)
    .first<{ found: number }>();
  return row?.found ?? 0;
}

/** A page, oldest first, with the time by which it is sorted. */
export async function listOldestRuns(
  d1: D1Database,
  workspaceId: string,
  filter: RunRowFilter,
): Promise<readonly { readonly summary: RunSummary; readonly at: number }[]> {
  const form: RunPageForm = { columns: ["summary", "queued_at"], order: "oldest" };
  const { query, values } = runListQuery(workspaceId, filter, form);
  const { results } = await d1
    .prepare(query)
    .bind(...values)
    .all<{ summary: string; queued_at: number }>();
  return results.map((row) => ({ summary: JSON.parse(row.summary) as RunSummary, at: row.queued_at }));
}

export interface GivenRow {
  readonly id: string;
  /** JSON; null where the whole detail is a blob. */
  readonly input: string | null;
  readonly queue: string | null;
  readonly priority: number | null;
}

/** What these runs were triggered with, in no order. Primary key. */
export async function findGiven(d1: D1Database, workspaceId: string, ids: readonly string[]): Promise<GivenRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT id, detail ->> 'queue' AS queue, detail ->> 'priority' AS priority,
         CASE WHEN coalesce(detail ->> 'inBlob', 0) THEN NULL ELSE coalesce(detail -> 'input', 'null') END AS input
       FROM runs WHERE workspace_id = ?1 AND id IN (SELECT value FROM json_each(?2))`,
    )
    .bind(workspaceId, JSON.stringify(ids))
    .all<GivenRow>();
  return results;
}

/** Null when there is none in this workspace. Primary key. */
export async function findRunRow(
  d1: D1Database,
  workspaceId: string,
  runId: string,
): Promise<{ readonly summary: string; readonly detail: string } | null> {
  return d1
    .prepare("SELECT summary, detail FROM runs WHERE id = ?1 AND workspace_id = ?2")
    .bind(runId, workspaceId)
    .first<{ summary: string; detail: string }>();
}

export interface ExpiredRow {
  readonly id: string;
  readonly hasLog: number;
  /** Numbers of its artifacts with commas between them; null without any. */
  readonly artifacts: string | null;
  readonly inBlob: number;
}

const EXPIRED = `id, coalesce(detail->>'logBytes', 1) > 0 AS hasLog, coalesce(detail->>'inBlob', 0) AS inBlob,
  (SELECT group_concat(value->>'number') FROM json_each(detail, '$.artifacts')) AS artifacts`;

/** Runs that ended before, oldest first. Index: `runs_list`; a run cannot end before it is queued. */
export async function findExpiredRuns(
  d1: D1Database,
  workspaceId: string,
  endedBefore: number,
  limit: number,
): Promise<readonly ExpiredRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT ${EXPIRED} FROM runs INDEXED BY runs_list
       WHERE workspace_id = ?1 AND queued_at < ?2 AND finished_at < ?2 ORDER BY queued_at LIMIT ?3`,
    )
    .bind(workspaceId, endedBefore, limit)
    .all<ExpiredRow>();
  return results;
}

/** One event's end of keeping; null for runs without an event. */
export interface EventKeep {
  readonly eventId: string | null;
  readonly keepMs: number;
}

/**
 * The same where events keep their runs for times of their own: event by event, one look into `runs_by_event` each, so
 * that what is kept for long is never walked over.
 */
export async function findExpiredByEvent(
  d1: D1Database,
  workspaceId: string,
  events: readonly EventKeep[],
  now: number,
  limit: number,
): Promise<readonly ExpiredRow[]> {
  const { results } = await d1
    .prepare(
      `SELECT r.${EXPIRED.replaceAll("detail", "r.detail")} FROM json_each(?2) e
       CROSS JOIN runs r INDEXED BY runs_by_event
         ON r.workspace_id = ?1 AND r.event_id IS (e.value->>'eventId') AND r.queued_at < ?3 - (e.value->>'keepMs')
       WHERE r.finished_at < ?3 - (e.value->>'keepMs') LIMIT ?4`,
    )
    .bind(workspaceId, JSON.stringify(events), now, limit)
    .all<ExpiredRow>();
  return results;
}

/** When the first run of these may have served its time; null when there are none. Index: `runs_by_event`. */
export async function findNextExpiry(
  d1: D1Database,
  workspaceId: string,
  events: readonly EventKeep[],
): Promise<number | null> {
  const row = await d1
    .prepare(
      `SELECT min((SELECT r.queued_at FROM runs r INDEXED BY runs_by_event
         WHERE r.workspace_id = ?1 AND r.event_id IS (e.value->>'eventId') ORDER BY r.queued_at LIMIT 1)
         + (e.value->>'keepMs')) AS at FROM json_each(?2) e`,
    )
    .bind(workspaceId, JSON.stringify(events))
    .first<{ at: number | null }>();
  return row?.at ?? null;
}

/** With their labels, and names that no run has any more. Primary key, `run_labels_run`, `runs_by_name`. */
export async function deleteRunRows(d1: D1Database, workspaceId: string, ids: readonly string[]): Promise<void> {
  const list = JSON.stringify(ids);
  const given = "(SELECT value FROM json_each(?2))";
  const { results } = await d1
    .prepare(`SELECT DISTINCT event_name AS name FROM runs WHERE workspace_id = ?1 AND id IN ${given}`)
    .bind(workspaceId, list)
    .all<{ name: string | null }>();
  const names = JSON.stringify(results.flatMap(({ name }) => name ?? []));
  await d1.batch([
    d1.prepare(`DELETE FROM run_labels WHERE workspace_id = ?1 AND run_id IN ${given}`).bind(workspaceId, list),
    d1.prepare(`DELETE FROM runs WHERE workspace_id = ?1 AND id IN ${given}`).bind(workspaceId, list),
    d1
      .prepare(
        `DELETE FROM run_names WHERE workspace_id = ?1 AND name IN ${given} AND NOT EXISTS (
           SELECT 1 FROM runs r INDEXED BY runs_by_name
           WHERE r.workspace_id = ?1 AND r.event_name = run_names.name)`,
      )
      .bind(workspaceId, names),
  ]);
}

/** Null when the workspace has no runs. Index: `runs_list`. */
export async function findOldestQueuedAt(d1: D1Database, workspaceId: string): Promise<number | null> {
  const row = await d1
    .prepare("SELECT min(queued_at) AS at FROM runs WHERE workspace_id = ?1")
    .bind(workspaceId)
    .first<{ at: number | null }>();
  return row?.at ?? null;
}
