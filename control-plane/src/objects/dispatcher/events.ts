/** Events and their immutable versions. Every save makes a new version; runs keep the one they were triggered with. */
import type { CreateEvent, Event, EventDefinition, InputSchema, Json, UpdateEvent } from "@cronium/protocol";
import { EventDefinition as EventDefinitionSchema } from "@cronium/protocol/event";
import { EventQueueing, EventQueueingInput } from "@cronium/protocol/queueing";
import { overCount } from "../../domain/count-quota.ts";
import type { Outcome, Refusal } from "../../domain/dispatcher.ts";
import { queueingOf, withoutQueueing } from "../../domain/event-queueing.ts";
import { inputRule } from "../../domain/inputs/input-schema.ts";
import { readCause, writeCause } from "./causes.ts";
import { refuseSecrets } from "./declared-secrets.ts";
import { refuseChains } from "./chains/cycles.ts";
import { addToOutbox } from "./outbox.ts";
import type { Shell, Turn } from "./shell.ts";

export interface EventProjection {
  readonly event: Event;
  readonly rev: number;
}

function countEvents(shell: Shell): number {
  return shell.sql.exec("SELECT count(*) AS count FROM events").one()["count"] as number;
}

export function createEvent(
  shell: Shell,
  turn: Turn,
  command: {
    readonly eventId: string;
    readonly event: CreateEvent;
    readonly causeKey: string | null;
    readonly bodyHash: string;
  },
): Outcome<{ readonly event: Event; readonly created: boolean }> {
  const { eventId, causeKey } = command;
  if (causeKey !== null) {
    const seen = readCause(shell, "event", causeKey, command.bodyHash, turn.now);
    if (seen !== null && !seen.ok) {
      return seen;
    }
    const event = seen === null ? null : readEvent(shell, seen.value);
    if (event !== null) {
      return { ok: true, value: { event, created: false } };
    }
  }
  const { name, description, defaultInput, inputSchema, ...definition } = command.event;
  const existing = readEvent(shell, eventId);
  if (existing !== null) {
    return { ok: true, value: { event: existing, created: false } };
  }
  const refusal =
    overCount("events", countEvents(shell)) ??
    refuseSecrets(shell, eventId, definition) ??
    refuseDefault({ inputSchema, defaultInput }) ??
    refuseChains(shell, { id: eventId, name }, definition.chains);
  if (refusal !== null) {
    return refusal;
  }
  shell.sql.exec(
    `INSERT INTO events (id, name, description, version, created_at, updated_at, archived_at, rev, retention_days)
     VALUES (?1, ?2, ?3, 1, ?4, ?4, NULL, 1, ?5)`,
    eventId,
    name,
    description,
    turn.now,
    definition.retentionDays,
  );
  insertVersion(shell, turn, { eventId, version: 1, name, description, defaultInput, inputSchema, definition });
  if (causeKey !== null) {
    writeCause(shell, turn, {
      key: causeKey,
      kind: "event",
      id: eventId,
      bodyHash: command.bodyHash,
    });
  }
  addToOutbox(turn, "event", eventId, 1);
  return { ok: true, value: { event: mustRead(shell, eventId), created: true } };
}

export function updateEvent(
  shell: Shell,
  turn: Turn,
  command: { readonly eventId: string; readonly change: UpdateEvent },
): Outcome<Event> {
  const { eventId } = command;
  const old = readEvent(shell, eventId);
  if (old === null) {
    return { ok: false, code: "not_found", message: `There is no event ${eventId}.` };
  }
  const { version: base, name = old.name, description = old.description, ...rest } = command.change;
  const { defaultInput = old.defaultInput, inputSchema = old.inputSchema, ...given } = rest;
  if (base !== old.version) {
    return {
      ok: false,
      code: "version_conflict",
      message: `The change is based on version ${base}, but ${old.name} is at version ${old.version}.`,
    };
  }
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const definition = EventQueueing.extend(EventDefinitionSchema.shape).parse({
    ...definitionOf(old),
    ...queueingOf(old),
    ...changes,
  });
  const refusal =
    refuseSecrets(shell, eventId, definition) ??
    refuseDefault({ inputSchema, defaultInput }) ??
    refuseChains(shell, { id: eventId, name }, definition.chains);
  if (refusal !== null) {
    return refusal;
  }
  const version = old.version + 1;
  shell.sql.exec(
    `UPDATE events SET name = ?2, description = ?3, version = ?4, updated_at = ?5, rev = rev + 1, retention_days = ?6
     WHERE id = ?1`,
    eventId,
    name,
    description,
    version,
    turn.now,
    definition.retentionDays,
  );
  insertVersion(shell, turn, { eventId, version, name, description, defaultInput, inputSchema, definition });
  addToOutbox(turn, "event", eventId, readRev(shell, eventId));
  shell.line?.queueing.delete(eventId);
  shell.events.delete(eventId);
  // Limits of the newest version hold for runs that wait already.
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
  return { ok: true, value: mustRead(shell, eventId) };
}

/** A default that no run could get is a mistake of whoever saves it. Null stands for none. */
function refuseDefault(event: Pick<Event, "inputSchema" | "defaultInput">): Refusal | null {
  if (!isSchema(event.inputSchema) || event.defaultInput === null) {
    return null;
  }
  const checked = inputRule(event).accept(undefined);
  if (checked.ok) {
    return null;
  }
  const errors = (checked.errors ?? []).map((one) => ({
    ...one,
    pointer: one.pointer.replace(/^\/input/, "/defaultInput"),
  }));
  return { ...checked, message: checked.message.replace(/^\/input/, "/defaultInput"), errors };
}

export function readEvent(shell: Shell, eventId: string): Event | null {
  const row = shell.sql
    .exec(
      `SELECT e.id, e.created_at, e.updated_at, e.archived_at,
              v.version, v.name, v.description, v.definition
       FROM events e JOIN event_versions v ON v.event_id = e.id AND v.version = e.version
       WHERE e.id = ?`,
      eventId,
    )
    .toArray()[0];
  return row === undefined ? null : toEvent(row);
}

/** Newest first. `updatedAt` is when that version was saved. */
export function readEventVersions(shell: Shell, eventId: string): Event[] {
  return shell.sql
    .exec(
      `SELECT e.id, e.created_at, v.created_at AS updated_at, e.archived_at,
              v.version, v.name, v.description, v.definition
       FROM event_versions v JOIN events e ON e.id = v.event_id
       WHERE v.event_id = ? ORDER BY v.version DESC`,
      eventId,
    )
    .toArray()
    .map(toEvent);
}

/** The event as it was at this version; null when there is no such version. */
export function readEventVersion(shell: Shell, eventId: string, version: number): Event | null {
  const row = shell.sql
    .exec(
      `SELECT e.id, e.created_at, v.created_at AS updated_at, e.archived_at,
              v.version, v.name, v.description, v.definition
       FROM event_versions v JOIN events e ON e.id = v.event_id WHERE v.event_id = ? AND v.version = ?`,
      eventId,
      version,
    )
    .toArray()[0];
  return row === undefined ? null : toEvent(row);
}

export function readEventName(shell: Shell, eventId: string): string {
  return shell.sql.exec("SELECT name FROM events WHERE id = ?", eventId).one()["name"] as string;
}

export function readEventProjection(shell: Shell, eventId: string): EventProjection | null {
  const event = readEvent(shell, eventId);
  return event === null ? null : { event, rev: readRev(shell, eventId) };
}

export function definitionOf(event: Event): EventDefinition {
  const { id: _i, name: _n, description: _d, version: _v, ...rest } = event;
  const { createdAt: _c, updatedAt: _u, archivedAt: _a, defaultInput: _in, inputSchema: _is, ...stored } = rest;
  return withoutQueueing(stored);
}

function insertVersion(
  shell: Shell,
  turn: Turn,
  version: {
    readonly eventId: string;
    readonly version: number;
    readonly name: string;
    readonly description: string;
    readonly defaultInput: Json;
    readonly inputSchema: InputSchema;
    readonly definition: EventDefinition & EventQueueing;
  },
): void {
  shell.sql.exec(
    `INSERT INTO event_versions (event_id, version, name, description, definition, created_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
    version.eventId,
    version.version,
    version.name,
    version.description,
    JSON.stringify({
      ...version.definition,
      defaultInput: version.defaultInput,
      ...(isSchema(version.inputSchema) ? { inputSchema: version.inputSchema } : {}),
    }),
    turn.now,
  );
}

/** A Worker of the version before sends none at all. */
function isSchema(schema: InputSchema | undefined): boolean {
  return schema !== null && schema !== undefined;
}

function readRev(shell: Shell, eventId: string): number {
  return shell.sql.exec("SELECT rev FROM events WHERE id = ?", eventId).one()["rev"] as number;
}

function mustRead(shell: Shell, eventId: string): Event {
  const event = readEvent(shell, eventId);
  if (event === null) {
    throw new Error(`event ${eventId} is gone within its own turn`);
  }
  return event;
}

const unstored: Pick<Event, "secrets" | "secretEnv" | "inputSchema"> = {
  secrets: [],
  secretEnv: [],
  inputSchema: null,
};
type StoredVersion = Omit<EventDefinition, keyof typeof unstored> & EventQueueing & Pick<Event, "defaultInput">;

function toEvent(row: Readonly<Record<string, SqlStorageValue>>): Event {
  const time = (value: SqlStorageValue | undefined): string => new Date(value as number).toISOString();
  const archivedAt = row["archived_at"] ?? null;
  return {
    // A version that was stored before a field existed has its default.
    ...EventQueueingInput.parse({}),
    ...unstored,
    ...(JSON.parse(row["definition"] as string) as StoredVersion),
    id: row["id"] as string,
    name: row["name"] as string,
    description: row["description"] as string,
    version: row["version"] as number,
    createdAt: time(row["created_at"]),
    updatedAt: time(row["updated_at"]),
    archivedAt: archivedAt === null ? null : time(archivedAt),
  };
}
