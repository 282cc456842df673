/**
 * Projections of what the Dispatchers decide, for lists and search. `rev` guards one: a row is only ever replaced by a
 * higher one. Times are milliseconds since 1970.
 */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const events = sqliteTable(
  "events",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    description: text("description").notNull(),
    kind: text("kind").notNull(),
    runtime: text("runtime").notNull(),
    version: integer("version").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    archivedAt: integer("archived_at"),
    rev: integer("rev").notNull(),
  },
  (table) => [index("events_list").on(table.workspaceId, table.createdAt, table.id)],
);

export const runs = sqliteTable(
  "runs",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    eventId: text("event_id"),
    state: text("state").notNull(),
    queuedAt: integer("queued_at").notNull(),
    startedAt: integer("started_at"),
    finishedAt: integer("finished_at"),
    rev: integer("rev").notNull(),
    /** These three are null in rows of a version that did not write them. */
    eventName: text("event_name"),
    trigger: text("trigger"),
    runnerId: text("runner_id"),
    /** The whole `Run` as JSON, without input and output. */
    summary: text("summary", { mode: "json" }).notNull(),
    /** What only the run's own page shows: input, output, attempts. */
    detail: text("detail", { mode: "json" }).notNull(),
  },
  (table) => [
    index("runs_list").on(table.workspaceId, table.queuedAt, table.id),
    index("runs_by_state").on(table.workspaceId, table.state, table.queuedAt, table.id),
    index("runs_by_event").on(table.workspaceId, table.eventId, table.queuedAt, table.id),
    index("runs_by_name").on(table.workspaceId, table.eventName, table.queuedAt, table.id),
    index("runs_by_trigger").on(table.workspaceId, table.trigger, table.queuedAt, table.id),
    // The very words of the filter, so that SQLite sees that this index holds all it asks for.
    index("runs_dead")
      .on(table.workspaceId, table.queuedAt, table.id)
      .where(sql`${table.state} = 'failed' AND ${table.summary} ->> 'failReason' = 'retries_exhausted'`),
    index("runs_by_parent")
      .on(table.workspaceId, sql`${table.summary} ->> '$.origin.runId'`, table.queuedAt, table.id)
      .where(sql`${table.trigger} = 'event'`),
    index("runs_by_runner")
      .on(table.workspaceId, table.runnerId, table.queuedAt, table.id)
      .where(sql`${table.runnerId} IS NOT NULL`),
  ],
);

/** The names that runs have been listed under: few, where runs are many. */
export const runNames = sqliteTable(
  "run_names",
  {
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.name] })],
);

/** What runs ask of their runner, one row for each `key=value`. */
export const runLabels = sqliteTable(
  "run_labels",
  {
    workspaceId: text("workspace_id").notNull(),
    label: text("label").notNull(),
    queuedAt: integer("queued_at").notNull(),
    runId: text("run_id").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.label, table.queuedAt, table.runId] }),
    index("run_labels_run").on(table.runId),
  ],
);

export const runners = sqliteTable(
  "runners",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    rev: integer("rev").notNull(),
    view: text("view", { mode: "json" }).notNull(),
  },
  (table) => [index("runners_list").on(table.workspaceId, table.id)],
);

/** Names of secrets and variables, never a value; `key_id` says which master key a secret is encrypted under. */
export const namedValues = sqliteTable(
  "named_values",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    kind: text("kind").notNull(),
    name: text("name").notNull(),
    eventId: text("event_id"),
    version: integer("version").notNull(),
    keyId: text("key_id"),
    updatedAt: integer("updated_at").notNull(),
    rev: integer("rev").notNull(),
  },
  (table) => [
    index("named_values_list").on(table.workspaceId, table.kind, table.name),
    index("named_values_key")
      .on(table.keyId)
      .where(sql`${table.keyId} IS NOT NULL`),
  ],
);
