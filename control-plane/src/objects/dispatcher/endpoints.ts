/** Endpoints: written here with their audit entry; D1 knows only which workspace an address belongs to. */
import type { CreateEndpoint, Endpoint, EndpointAddress } from "@cronium/protocol";
import { createHash } from "node:crypto";
import { keyIdOf, openSecret, sealSecret } from "../../auth/secret-box.ts";
import { difference } from "../../auth/abridged.ts";
import { overCount } from "../../domain/count-quota.ts";
import type { Outcome } from "../../domain/dispatcher.ts";
import type { HookRule, HooksApi } from "../../domain/webhooks/hooks-api.ts";
import { writeAudit } from "./audit.ts";
import { knownEvent } from "./known-events.ts";
import type { Shell, Turn } from "./shell.ts";

type Command<K extends keyof HooksApi> = Parameters<HooksApi[K]>[0];
type Settings = Pick<Endpoint, "targets" | "verification" | "dedupe" | "wait">;

export interface EndpointRow {
  readonly id: string;
  readonly name: string;
  readonly settings: string;
  /** The hash by which D1 finds it. */
  readonly token: string;
  readonly version: number;
  readonly enabled: number;
  readonly listens_until: number | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export function readEndpointRow(shell: Shell, id: string): EndpointRow | null {
  return (shell.sql.exec("SELECT * FROM endpoints WHERE id = ?", id).toArray()[0] as EndpointRow | undefined) ?? null;
}

export function viewEndpoint(shell: Shell, row: EndpointRow): Endpoint {
  const secrets = boxesOf(shell, row.id);
  const iso = (at: number | null | undefined): string | null =>
    at === null || at === undefined ? null : new Date(at).toISOString();
  const now = shell.deps.clock.now();
  const previous = secrets.find(({ slot }) => slot === "previous")?.until ?? null;
  const settings = JSON.parse(row.settings) as Settings;
  return {
    id: row.id,
    name: row.name,
    ...settings,
    enabled: row.enabled === 1,
    path: settings.verification.kind === "none" ? null : pathOf(shell, secrets, row.id),
    version: row.version,
    secretSetAt: iso(secrets.find(({ slot }) => slot === "current")?.set_at),
    previousSecretUntil: previous !== null && previous > now ? iso(previous) : null,
    listensUntil: row.listens_until !== null && row.listens_until > now ? iso(row.listens_until) : null,
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
  };
}

export function readEndpoint(shell: Shell, id: string): Endpoint | null {
  const row = readEndpointRow(shell, id);
  return row === null ? null : viewEndpoint(shell, row);
}

export function listEndpoints(shell: Shell): Endpoint[] {
  const rows = shell.sql.exec("SELECT * FROM endpoints ORDER BY name, id").toArray() as unknown as EndpointRow[];
  return rows.map((row) => viewEndpoint(shell, row));
}

export function hookRule(shell: Shell, id: string, hash?: string): HookRule | null {
  const row = readEndpointRow(shell, id);
  // D1 may still know an address that was replaced, or not know yet that it was.
  const endpoint = row === null || (hash !== undefined && row.token !== hash) ? null : viewEndpoint(shell, row);
  const secrets = boxesOf(shell, id).filter(({ slot }) => slot !== "address");
  return endpoint === null ? null : { endpoint, boxes: secrets.map(({ box, until }) => ({ box, until })) };
}

export function createEndpoint(shell: Shell, turn: Turn, command: Command<"createEndpoint">): Outcome<Endpoint> {
  const { endpointId, hash, address, endpoint, box, by } = command;
  const known = readEndpoint(shell, endpointId);
  if (known !== null) {
    return { ok: true, value: known };
  }
  const count = shell.sql.exec("SELECT count(*) AS count FROM endpoints").one()["count"] as number;
  const refusal = overCount("endpoints", count) ?? refuseTargets(shell, endpoint);
  if (refusal !== null) {
    return refusal;
  }
  const { name, enabled, targets, verification, dedupe, wait } = endpoint;
  shell.sql.exec(
    `INSERT INTO endpoints (id, name, settings, token, version, enabled, created_at, updated_at)
     VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?6)`,
    endpointId,
    name,
    JSON.stringify({ targets, verification, dedupe, wait }),
    hash,
    enabled ? 1 : 0,
    turn.now,
  );
  putBox(shell, { id: endpointId, slot: "address", box: address, at: turn.now, until: null });
  if (box !== null) {
    putBox(shell, { id: endpointId, slot: "current", box, at: turn.now, until: null });
  }
  const after = { name, enabled, verification: verification.kind, events: targets.map(({ eventId }) => eventId) };
  writeAudit(shell, turn, by, { verb: "endpoint.created", target: endpointId, after });
  return { ok: true, value: mustView(shell, endpointId) };
}

export function updateEndpoint(
  shell: Shell,
  turn: Turn,
  { endpointId, change, box, by }: Command<"updateEndpoint">,
): Outcome<Endpoint> {
  const old = readEndpoint(shell, endpointId);
  if (old === null) {
    return noEndpoint(endpointId);
  }
  if (change.version !== old.version) {
    const message = `The change is based on version ${change.version}, but ${old.name} is at version ${old.version}.`;
    return { ok: false, code: "version_conflict", message };
  }
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const next = { ...old, ...given } as Endpoint;
  const refusal = change.targets === undefined ? null : refuseTargets(shell, next);
  if (refusal !== null) {
    return refusal;
  }
  const { name, enabled, targets, verification, dedupe, wait } = next;
  shell.sql.exec(
    "UPDATE endpoints SET name = ?2, settings = ?3, enabled = ?4, version = version + 1, updated_at = ?5 WHERE id = ?1",
    endpointId,
    name,
    JSON.stringify({ targets, verification, dedupe, wait }),
    enabled ? 1 : 0,
    turn.now,
  );
  if (box !== null) {
    shell.sql.exec("DELETE FROM endpoint_secrets WHERE endpoint_id = ? AND slot = 'previous'", endpointId);
    putBox(shell, { id: endpointId, slot: "current", box, at: turn.now, until: null });
    writeAudit(shell, turn, by, { verb: "endpoint.secret_rotated", target: endpointId, after: { keepOldMs: 0 } });
  }
  const facts = (one: Endpoint) => ({
    name: one.name,
    enabled: one.enabled,
    targets: one.targets,
    verification: one.verification,
    dedupe: one.dedupe,
    wait: one.wait,
  });
  writeAudit(shell, turn, by, { verb: "endpoint.changed", target: endpointId, ...difference(facts(old), facts(next)) });
  return { ok: true, value: mustView(shell, endpointId) };
}

export function rotateEndpointSecret(
  shell: Shell,
  turn: Turn,
  { endpointId, box, keepOldMs, by }: Command<"rotateEndpointSecret">,
): Outcome<Endpoint> {
  if (readEndpointRow(shell, endpointId) === null) {
    return noEndpoint(endpointId);
  }
  const current = boxesOf(shell, endpointId).find(({ slot }) => slot === "current");
  if (current !== undefined) {
    const { box: old, set_at: at } = current;
    putBox(shell, { id: endpointId, slot: "previous", box: old, at, until: turn.now + keepOldMs });
  }
  putBox(shell, { id: endpointId, slot: "current", box, at: turn.now, until: null });
  shell.sql.exec("UPDATE endpoints SET version = version + 1, updated_at = ?2 WHERE id = ?1", endpointId, turn.now);
  writeAudit(shell, turn, by, { verb: "endpoint.secret_rotated", target: endpointId, after: { keepOldMs } });
  return { ok: true, value: mustView(shell, endpointId) };
}

export function rotateAddress(
  shell: Shell,
  turn: Turn,
  { endpointId, hash, address, by }: Command<"rotateAddress">,
): Outcome<{ readonly endpoint: Endpoint; readonly before: string | null }> {
  const row = readEndpointRow(shell, endpointId);
  if (row === null) {
    return noEndpoint(endpointId);
  }
  if (row.token === hash) {
    return { ok: true, value: { endpoint: viewEndpoint(shell, row), before: null } };
  }
  // Whoever remembers the endpoint by its old address reads it again, for its version is another.
  shell.sql.exec(
    "UPDATE endpoints SET token = ?2, version = version + 1, updated_at = ?3 WHERE id = ?1",
    endpointId,
    hash,
    turn.now,
  );
  putBox(shell, { id: endpointId, slot: "address", box: address, at: turn.now, until: null });
  writeAudit(shell, turn, by, { verb: "endpoint.address_rotated", target: endpointId });
  return { ok: true, value: { endpoint: mustView(shell, endpointId), before: row.token } };
}

export function deleteEndpoint(
  shell: Shell,
  turn: Turn,
  { endpointId, by }: Command<"deleteEndpoint">,
): Outcome<{ readonly hash: string }> {
  const row = readEndpointRow(shell, endpointId);
  if (row === null) {
    return noEndpoint(endpointId);
  }
  shell.sql.exec("DELETE FROM endpoints WHERE id = ?", endpointId);
  shell.sql.exec("DELETE FROM endpoint_secrets WHERE endpoint_id = ?", endpointId);
  writeAudit(shell, turn, by, { verb: "endpoint.deleted", target: endpointId, before: { name: row.name } });
  return { ok: true, value: { hash: row.token } };
}

export function showAddress(
  shell: Shell,
  turn: Turn,
  { endpointId, by }: Command<"showAddress">,
): Outcome<EndpointAddress> {
  const row = readEndpointRow(shell, endpointId);
  if (row === null) {
    return noEndpoint(endpointId);
  }
  const path = pathOf(shell, boxesOf(shell, endpointId), endpointId);
  if (path === null) {
    const message = `The address of ${row.name} cannot be decrypted: its master key is not among SECRETS_KEYS.`;
    return { ok: false, code: "not_found", message };
  }
  writeAudit(shell, turn, by, { verb: "endpoint.address_shown", target: endpointId });
  return { ok: true, value: { path } };
}

/** Null where it cannot be decrypted. */
function pathOf(shell: Shell, boxes: readonly Box[], id: string): string | null {
  const box = boxes.find(({ slot }) => slot === "address")?.box;
  const place = { workspaceId: shell.workspaceId, secretId: id };
  const opened = box === undefined ? null : openSecret(shell.deps.config.secretKeys, place, box);
  return opened?.ok === true ? `/hooks/${opened.value}` : null;
}

/** Endpoints of before lie with their addresses in the clear. */
export function sealAddresses(shell: Shell, turn: Turn): void {
  const { config, ids } = shell.deps;
  for (const row of shell.sql.exec("SELECT id, token FROM endpoints WHERE length(token) = 40").toArray()) {
    const { id, token } = row as { readonly id: string; readonly token: string };
    const box = sealSecret(config.secretKeys, { workspaceId: shell.workspaceId, secretId: id }, token, ids.random);
    putBox(shell, { id, slot: "address", box, at: turn.now, until: null });
    shell.sql.exec("UPDATE endpoints SET token = ? WHERE id = ?", createHash("sha256").update(token).digest("hex"), id);
  }
}

export function listenAtEndpoint(
  shell: Shell,
  turn: Turn,
  { endpointId, forMs, by }: Command<"listenAtEndpoint">,
): Outcome<Endpoint> {
  if (readEndpointRow(shell, endpointId) === null) {
    return noEndpoint(endpointId);
  }
  shell.sql.exec(
    "UPDATE endpoints SET listens_until = ?2 WHERE id = ?1",
    endpointId,
    forMs === 0 ? null : turn.now + forMs,
  );
  // While it listens, a delivery that counts on a run gets none.
  writeAudit(shell, turn, by, { verb: "endpoint.listening", target: endpointId, after: { forMs } });
  return { ok: true, value: mustView(shell, endpointId) };
}

function refuseTargets(
  shell: Shell,
  { targets }: Pick<CreateEndpoint, "targets">,
): ReturnType<typeof noEndpoint> | null {
  const errors = targets.flatMap(({ eventId }, i) =>
    knownEvent(shell, eventId) === null
      ? [{ pointer: `/targets/${i}/eventId`, code: "not_found" as const, message: `is no event: ${eventId}` }]
      : [],
  );
  const [first] = errors;
  return first === undefined
    ? null
    : { ok: false, code: "invalid_value", message: `${first.pointer} ${first.message}.`, errors };
}

export function noEndpoint(id: string): Extract<Outcome<never>, { ok: false }> {
  return { ok: false, code: "not_found", message: `There is no endpoint ${id}.` };
}

interface Box {
  readonly slot: "current" | "previous" | "address";
  readonly box: string;
  readonly set_at: number;
  readonly until: number | null;
}

/** Those that are good now, or will be for some time yet. */
function boxesOf(shell: Shell, id: string): Box[] {
  return shell.sql
    .exec(
      "SELECT slot, box, set_at, until FROM endpoint_secrets WHERE endpoint_id = ? AND coalesce(until, ?2) >= ?2",
      id,
      shell.deps.clock.now(),
    )
    .toArray() as unknown as Box[];
}

function putBox(
  shell: Shell,
  { id, slot, box, at, until }: { id: string; slot: Box["slot"]; box: string; at: number; until: number | null },
): void {
  shell.sql.exec(
    "INSERT OR REPLACE INTO endpoint_secrets (endpoint_id, slot, box, key_id, set_at, until) VALUES (?, ?, ?, ?, ?, ?)",
    id,
    slot,
    box,
    keyIdOf(box),
    at,
    until,
  );
}

/** Those of older master keys that are still known. */
function oldBoxes(shell: Shell): Readonly<Record<string, SqlStorageValue>>[] {
  const { all, current } = shell.deps.config.secretKeys;
  const old = [...all.keys()].filter((id) => id !== current.id);
  return old.length === 0
    ? []
    : shell.sql
        .exec(
          `SELECT endpoint_id, slot, box FROM endpoint_secrets INDEXED BY endpoint_secrets_key
           WHERE key_id IN (SELECT value FROM json_each(?))`,
          JSON.stringify(old),
        )
        .toArray();
}

export function hasOldEndpointBoxes(shell: Shell): boolean {
  return oldBoxes(shell).some((row) => !shell.unreadable.has(row["endpoint_id"] as string));
}

/** Encrypts again under the current master key what an older one has encrypted; all of it, for there is little. */
export function reencryptEndpoints(shell: Shell): void {
  const { secretKeys } = shell.deps.config;
  for (const row of oldBoxes(shell)) {
    const place = { workspaceId: shell.workspaceId, secretId: row["endpoint_id"] as string };
    const opened = openSecret(secretKeys, place, row["box"] as string);
    if (!opened.ok) {
      // Looked at again once there is another key: this one cannot read it.
      shell.unreadable.add(place.secretId);
    } else {
      shell.sql.exec(
        "UPDATE endpoint_secrets SET box = ?3, key_id = ?4 WHERE endpoint_id = ?1 AND slot = ?2",
        place.secretId,
        row["slot"] as string,
        sealSecret(secretKeys, place, opened.value, shell.deps.ids.random),
        secretKeys.current.id,
      );
    }
  }
}

function mustView(shell: Shell, id: string): Endpoint {
  const endpoint = readEndpoint(shell, id);
  if (endpoint === null) {
    throw new Error(`endpoint ${id} is gone within its own turn`);
  }
  return endpoint;
}
