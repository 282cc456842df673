/**
 * Secrets of the workspace and of single events, as ciphertext. Values come in here and leave sealed to a runner
 * (`grants.ts`); nothing else reads them.
 */
import type { ImportedSecrets, ReplaceSecret, Secret } from "@cronium/protocol";
import { overCount } from "../../domain/count-quota.ts";
import { SHORTEST_MASKABLE } from "@cronium/protocol/api/secrets";
import { fingerprint } from "../../auth/fingerprint.ts";
import { keyIdOf, openSecret, sealSecret } from "../../auth/secret-box.ts";
import type { Stamp } from "../../domain/act.ts";
import type { By, Outcome, Refusal } from "../../domain/dispatcher.ts";
import type { CreateSecretCommand, ImportSecretsCommand } from "../../domain/values-api.ts";
import type { Shell, Turn } from "./shell.ts";
import { noteValueChange } from "./value-changes.ts";
import { inScopeOf, readEventNameOrNull, readScope, WORKSPACE_SCOPE } from "./value-scopes.ts";

export interface SecretRow {
  readonly id: string;
  readonly scope: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly box: string;
  readonly key_id: string;
  readonly maskable: number;
  readonly last_used_at: number | null;
  readonly last_used_run: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly rev: number;
}

export function createSecret(shell: Shell, turn: Turn, command: CreateSecretCommand): Outcome<Secret> {
  const { name, value, description, eventId } = command.secret;
  const scope = readScope(shell, eventId);
  if (!scope.ok) {
    return scope;
  }
  const known = findByName(shell, scope.value, name);
  if (known !== null) {
    // Sent again after a lost answer; the same id is made by the same request alone.
    return known.id === command.secretId
      ? { ok: true, value: mustView(shell, known.id) }
      : {
          ok: false,
          code: "name_taken",
          message: `There is a secret ${name} ${scope.value === WORKSPACE_SCOPE ? "in this workspace" : "of this event"} already. Replace its value instead.`,
        };
  }
  const full = refuseMore(shell, 1);
  if (full !== null) {
    return full;
  }
  insert(shell, turn, { id: command.secretId, scope: scope.value, name, description, value, by: command.by });
  return { ok: true, value: mustView(shell, command.secretId) };
}

export function replaceSecret(
  shell: Shell,
  turn: Turn,
  { secretId, change, by }: By & { readonly secretId: string; readonly change: ReplaceSecret },
): Outcome<Secret> {
  const row = find(shell, secretId);
  if (row === null) {
    return noSecret(secretId);
  }
  if (change.version !== undefined && change.version !== row.version) {
    return {
      ok: false,
      code: "version_conflict",
      message: `The change is based on version ${change.version}, but ${row.name} is at version ${row.version}.`,
    };
  }
  if (change.description !== undefined && change.description !== row.description) {
    shell.sql.exec("UPDATE secrets SET description = ?2, rev = rev + 1 WHERE id = ?1", secretId, change.description);
    noteValueChange(shell, turn, {
      ...changeOf(mustFind(shell, secretId), by),
      action: "described",
      before: { description: row.description },
      after: { description: change.description },
    });
  }
  if (change.value !== undefined) {
    writeValue(shell, turn, row, change.value, by);
  }
  return { ok: true, value: mustView(shell, secretId) };
}

export function deleteSecret(
  shell: Shell,
  turn: Turn,
  { secretId, force, by }: By & { readonly secretId: string; readonly force: boolean },
): Outcome<null> {
  const row = find(shell, secretId);
  if (row === null) {
    return noSecret(secretId);
  }
  const { usedBy } = mustView(shell, secretId);
  if (usedBy.length > 0 && !force) {
    const names = usedBy.slice(0, 3).map(({ eventName }) => eventName);
    const more = usedBy.length > 3 ? ` and ${usedBy.length - 3} more` : "";
    return {
      ok: false,
      code: "in_use",
      message: `${row.name} is used by ${names.join(", ")}${more}; their runs would fail without it.`,
    };
  }
  const before = { ...printOf(shell, row), usedBy: usedBy.length };
  noteValueChange(shell, turn, { ...changeOf(row, by), rev: row.rev + 1, action: "deleted", before });
  shell.sql.exec("DELETE FROM secrets WHERE id = ?", secretId);
  return { ok: true, value: null };
}

/** All of them or none. */
export function importSecrets(shell: Shell, turn: Turn, command: ImportSecretsCommand): Outcome<ImportedSecrets> {
  const scope = readScope(shell, command.eventId);
  if (!scope.ok) {
    return scope;
  }
  const known = command.items.map(({ name }) => findByName(shell, scope.value, name));
  const full = refuseMore(shell, known.filter((row) => row === null).length);
  if (full !== null) {
    return full;
  }
  const items = command.items.map(({ secretId, name, value }, index) => {
    const row = known[index] ?? null;
    if (!command.preview && row === null) {
      insert(shell, turn, { id: secretId, scope: scope.value, name, description: "", value, by: command.by });
    } else if (!command.preview && row !== null) {
      writeValue(shell, turn, row, value, command.by);
    }
    return { name, action: row === null ? ("create" as const) : ("replace" as const), warnings: warningsOf(value) };
  });
  return { ok: true, value: { items, applied: !command.preview } };
}

/** By name; with an event, what its runs would get. */
export function listSecrets(shell: Shell, eventId: string | undefined): Outcome<Secret[]> {
  const scope = readScope(shell, eventId ?? null);
  if (!scope.ok) {
    return scope;
  }
  const rows = shell.sql.exec("SELECT * FROM secrets ORDER BY name, scope").toArray() as unknown as SecretRow[];
  const shown = eventId === undefined ? rows : inScopeOf(rows, eventId);
  const users = readUsers(shell);
  return { ok: true, value: shown.map((row) => view(shell, row, users)) };
}

export function readSecret(shell: Shell, secretId: string): Secret | null {
  const row = find(shell, secretId);
  return row === null ? null : view(shell, row, readUsers(shell));
}

/** What D1 is told. */
export function readSecretProjection(shell: Shell, secretId: string) {
  const row = find(shell, secretId);
  return row === null
    ? null
    : {
        id: row.id,
        kind: "secret" as const,
        name: row.name,
        eventId: row.scope === WORKSPACE_SCOPE ? null : row.scope,
        version: row.version,
        keyId: row.key_id,
        updatedAt: row.updated_at,
        rev: row.rev,
      };
}

/** A secret that a run may read. */
export interface FoundSecret {
  readonly id: string;
  readonly name: string;
  readonly box: string;
}

/** Those that a run of this event finds under these names, its own before the workspace's; and the names it does not. */
export function findSecrets(
  shell: Shell,
  eventId: string | null,
  names: readonly string[],
): { readonly found: readonly FoundSecret[]; readonly missing: readonly string[] } {
  const found = names.flatMap((name) => {
    const own = eventId === null ? null : findByName(shell, eventId, name);
    return own ?? findByName(shell, WORKSPACE_SCOPE, name) ?? [];
  });
  return { found, missing: names.filter((name) => !found.some((one) => one.name === name)) };
}

/** The value; null where its key is missing or its ciphertext damaged, which is logged. */
export function openFound(shell: Shell, { id, name, box }: FoundSecret): string | null {
  const { config, log } = shell.deps;
  const opened = openSecret(config.secretKeys, { workspaceId: shell.workspaceId, secretId: id }, box);
  if (!opened.ok) {
    log.error("secret.unreadable", { workspaceId: shell.workspaceId, id, name, why: opened.why, keyId: keyIdOf(box) });
    return null;
  }
  return opened.value;
}

export function noteUse(shell: Shell, turn: Turn, ids: readonly string[], runId: string): void {
  shell.sql.exec(
    "UPDATE secrets SET last_used_at = ?2, last_used_run = ?3 WHERE id IN (SELECT value FROM json_each(?1))",
    JSON.stringify(ids),
    turn.now,
    runId,
  );
}

function insert(
  shell: Shell,
  turn: Turn,
  secret: {
    readonly id: string;
    readonly scope: string;
    readonly name: string;
    readonly description: string;
    readonly value: string;
    readonly by: Stamp;
  },
): void {
  const { secretKeys } = shell.deps.config;
  shell.sql.exec(
    `INSERT INTO secrets (id, scope, name, description, version, box, key_id, maskable, created_at, updated_at, rev)
     VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?8, 1)`,
    secret.id,
    secret.scope,
    secret.name,
    secret.description,
    sealSecret(secretKeys, placeOf(shell, secret.id), secret.value, shell.deps.ids.random),
    secretKeys.current.id,
    isMaskable(secret.value) ? 1 : 0,
    turn.now,
  );
  const row = mustFind(shell, secret.id);
  const { description } = secret;
  noteValueChange(shell, turn, {
    ...changeOf(row, secret.by),
    action: "created",
    after: { ...printOf(shell, row), description },
  });
}

function writeValue(shell: Shell, turn: Turn, row: SecretRow, value: string, by: Stamp): void {
  const { secretKeys } = shell.deps.config;
  const before = printOf(shell, row);
  shell.sql.exec(
    `UPDATE secrets SET version = version + 1, box = ?2, key_id = ?3, maskable = ?4, updated_at = ?5, rev = rev + 1
     WHERE id = ?1`,
    row.id,
    sealSecret(secretKeys, placeOf(shell, row.id), value, shell.deps.ids.random),
    secretKeys.current.id,
    isMaskable(value) ? 1 : 0,
    turn.now,
  );
  const now = mustFind(shell, row.id);
  noteValueChange(shell, turn, { ...changeOf(now, by), action: "changed", before, after: printOf(shell, now) });
}

function changeOf({ id, name, scope, rev }: SecretRow, by: Stamp) {
  return { kind: "secret" as const, id, name, scope, rev, by };
}

/** What the audit says of a value. */
function printOf(shell: Shell, row: SecretRow): { readonly version: number; readonly value: string } {
  const opened = openSecret(shell.deps.config.secretKeys, placeOf(shell, row.id), row.box);
  const value = opened.ok
    ? fingerprint(shell.deps.config.secretKeys, placeOf(shell, row.id), opened.value)
    : opened.why;
  return { version: row.version, value };
}

function mustFind(shell: Shell, id: string): SecretRow {
  const row = find(shell, id);
  if (row === null) {
    throw new Error(`secret ${id} is gone within its own turn`);
  }
  return row;
}

/** What a ciphertext is bound to. */
export function placeOf(shell: Shell, secretId: string) {
  return { workspaceId: shell.workspaceId, secretId };
}

function find(shell: Shell, id: string): SecretRow | null {
  return (shell.sql.exec("SELECT * FROM secrets WHERE id = ?", id).toArray()[0] as SecretRow | undefined) ?? null;
}

function findByName(shell: Shell, scope: string, name: string): SecretRow | null {
  const rows = shell.sql.exec("SELECT * FROM secrets WHERE scope = ? AND name = ?", scope, name).toArray();
  return (rows[0] as SecretRow | undefined) ?? null;
}

function refuseMore(shell: Shell, more: number): Refusal | null {
  const count = shell.sql.exec("SELECT count(*) AS count FROM secrets").one()["count"] as number;
  return overCount("secrets", count, more);
}

function noSecret(id: string): Refusal {
  return { ok: false, code: "not_found", message: `There is no secret ${id}.` };
}

function isMaskable(value: string): boolean {
  return value.length >= SHORTEST_MASKABLE;
}

function warningsOf(value: string): Secret["warnings"] {
  return isMaskable(value) ? [] : ["not_maskable"];
}

type Users = ReadonlyMap<string, readonly { readonly eventId: string; readonly eventName: string }[]>;

/** Events by the names of secrets that their newest version holds. */
function readUsers(shell: Shell): Users {
  const users = new Map<string, { eventId: string; eventName: string }[]>();
  for (const row of shell.sql.exec(
    `SELECT e.id, e.name, s.value AS secret
     FROM events e JOIN event_versions v ON v.event_id = e.id AND v.version = e.version,
          json_each(v.definition, '$.secrets') s
     WHERE e.archived_at IS NULL ORDER BY e.name, e.id`,
  )) {
    const secret = row["secret"] as string;
    const list = users.get(secret) ?? [];
    list.push({ eventId: row["id"] as string, eventName: row["name"] as string });
    users.set(secret, list);
  }
  return users;
}

function mustView(shell: Shell, id: string): Secret {
  const secret = readSecret(shell, id);
  if (secret === null) {
    throw new Error(`secret ${id} is gone within its own turn`);
  }
  return secret;
}

function view(shell: Shell, row: SecretRow, users: Users): Secret {
  const own = row.scope === WORKSPACE_SCOPE ? null : row.scope;
  const named = users.get(row.name) ?? [];
  const usedBy =
    own === null
      ? named.filter(({ eventId }) => findByName(shell, eventId, row.name) === null)
      : named.filter(({ eventId }) => eventId === own);
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    eventId: own,
    eventName: own === null ? null : readEventNameOrNull(shell, own),
    version: row.version,
    warnings: row.maskable === 1 ? [] : ["not_maskable"],
    usedBy: [...usedBy],
    lastUsedAt: row.last_used_at === null ? null : new Date(row.last_used_at).toISOString(),
    lastUsedRunId: row.last_used_run,
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
  };
}
