/**
 * Deliveries: what arrives becomes runs, and the row that says so, in one commit. The Worker has checked who sent it and
 * made the inputs; here is decided whether it is a repeat, and whether there is room.
 */
import type { Delivery, DeliveryRun, DeliveryVerdict } from "@cronium/protocol";
import type { EnqueueCommand, Enqueued, Outcome, Refusal } from "../../domain/dispatcher.ts";
import type {
  Delivered,
  DeliverCommand,
  DeliveryAsk,
  KeptArrival,
  RefusedArrivals,
} from "../../domain/webhooks/hooks-api.ts";
import { overQuota, takeTrigger } from "../../domain/quota.ts";
import { noEndpoint, readEndpointRow } from "./endpoints.ts";
import { enqueue } from "./enqueue.ts";
import { theLine } from "./lanes.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { ARCHIVE_AFTER_MS } from "./delivery-archive.ts";

const MINUTE_MS = 60_000;
const COLUMNS = `id, endpoint_id, at, verdict, message, count, key, method, content_type, size_bytes, original, runs`;

export function deliver(shell: Shell, turn: Turn, command: DeliverCommand): Outcome<Delivered> {
  const row = readEndpointRow(shell, command.endpointId);
  if (row === null) {
    return noEndpoint(command.endpointId);
  }
  if (row.enabled !== 1 && command.original === null) {
    return {
      ok: false,
      code: "endpoint_disabled",
      message: `The endpoint ${row.name} is disabled; nothing was stored.`,
    };
  }
  if (row.version !== command.version) {
    return { ok: false, code: "version_conflict", message: `The endpoint is at version ${row.version}.` };
  }
  const again = readDelivery(shell, command.deliveryId);
  if (again !== null) {
    return repeated(shell, turn, command, again);
  }
  if (row.listens_until !== null && row.listens_until > turn.now && command.original === null) {
    shell.sql.exec("UPDATE endpoints SET listens_until = NULL WHERE id = ?", row.id);
    return store(shell, turn, command, { verdict: "test", message: null, runs: [], placed: [] });
  }
  const earlier = command.dedupe === null ? null : findEarlier(shell, turn, command);
  if (earlier !== null) {
    countSame(shell, turn, {
      ...command,
      verdict: "duplicate",
      message: `It has arrived before, as ${earlier.id}.`,
      same: `again:${earlier.id}`,
      original: earlier.id,
      count: 1,
    });
    return repeated(shell, turn, command, earlier);
  }
  const commands = command.wishes.flatMap((wish) => ("command" in wish ? [wish.command] : []));
  const refusal = overQuotaOf(shell, turn, commands.length);
  if (refusal !== null) {
    countSame(shell, turn, {
      ...command,
      verdict: "quota",
      message: refusal.message,
      same: `quota:${Math.floor(turn.now / MINUTE_MS)}`,
      original: null,
      count: 1,
    });
    return refusal;
  }
  return store(shell, turn, command, startRuns(shell, turn, command));
}

interface Started {
  readonly verdict: DeliveryVerdict;
  readonly message: string | null;
  readonly runs: readonly DeliveryRun[];
  readonly placed: Delivered["placed"];
}

function startRuns(shell: Shell, turn: Turn, { wishes }: DeliverCommand): Started {
  const placed: { readonly command: EnqueueCommand; readonly outcome: Outcome<Enqueued> }[] = [];
  const runs = wishes.map((wish): DeliveryRun => {
    if (!("command" in wish)) {
      return { eventId: wish.eventId, verdict: wish.verdict, runId: null, message: wish.message };
    }
    const { eventId } = wish;
    const outcome = enqueue(shell, turn, wish.command);
    if (!outcome.ok) {
      return { eventId, verdict: verdictOf(outcome), runId: null, message: outcome.message };
    }
    if (outcome.value.placement !== undefined) {
      placed.push({ command: wish.command, outcome });
    }
    return { eventId, verdict: "accepted", runId: outcome.value.runId, message: null };
  });
  const first =
    runs.find(({ verdict }) => verdict === "accepted") ?? runs.find(({ verdict }) => verdict !== "filtered") ?? runs[0];
  return { verdict: first?.verdict ?? "filtered", message: first?.message ?? null, runs, placed };
}

function verdictOf({ code }: Refusal): DeliveryVerdict {
  return code === "not_found" ? "event_disabled" : code === "quota_exceeded" ? "quota" : "invalid_input";
}

/** All of a delivery's runs or none: its sender repeats the whole of it. */
function overQuotaOf(shell: Shell, turn: Turn, count: number): Refusal | null {
  const line = theLine(shell, turn.now);
  let bucket = shell.triggers;
  for (let i = 0; i < count; i += 1) {
    const refusal = overQuota(line.settings, { queued: line.queued + i, bucket }, turn.now);
    if (refusal !== null) {
      return refusal;
    }
    bucket = takeTrigger(line.settings, bucket, turn.now);
  }
  return null;
}

/** The answer of the first time. Runs that belong to shards are looked for there once more, and made if they are not. */
function repeated(shell: Shell, turn: Turn, { wishes }: DeliverCommand, earlier: Delivery): Outcome<Delivered> {
  const placed = wishes.flatMap((wish, i) => {
    const runId = earlier.runs[i]?.runId ?? null;
    if (!("command" in wish) || runId === null || shell.routes.size === 0) {
      return [];
    }
    const outcome = enqueue(shell, turn, wish.command);
    return outcome.ok && outcome.value.placement !== undefined ? [{ command: wish.command, outcome }] : [];
  });
  const { id: deliveryId, runs } = earlier;
  return { ok: true, value: { deliveryId, verdict: "duplicate", message: null, runs, placed } };
}

function findEarlier(shell: Shell, turn: Turn, { endpointId, dedupe }: DeliverCommand): Delivery | null {
  const since = dedupe?.windowMs === null ? 0 : turn.now - (dedupe?.windowMs ?? 0);
  const row = shell.sql
    .exec(
      `SELECT ${COLUMNS} FROM deliveries INDEXED BY deliveries_key
       WHERE endpoint_id = ? AND key = ? AND verdict IN ('accepted', 'filtered') AND at > ? ORDER BY n DESC LIMIT 1`,
      endpointId,
      dedupe?.key ?? "",
      since,
    )
    .toArray()[0];
  return row === undefined ? null : view(row);
}

function store(shell: Shell, turn: Turn, command: DeliverCommand, started: Started): Outcome<Delivered> {
  const { verdict, message, runs, placed } = started;
  const { deliveryId, endpointId, dedupe, method, contentType, sizeBytes, packed, original } = command;
  shell.sql.exec(
    `INSERT INTO deliveries (id, endpoint_id, at, verdict, message, count, key, method, content_type, size_bytes, original,
       runs, packed) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`,
    deliveryId,
    endpointId,
    turn.now,
    verdict,
    message,
    dedupe?.key ?? null,
    method,
    contentType,
    sizeBytes,
    original,
    JSON.stringify(runs),
    packed === null ? null : packed.slice().buffer,
  );
  if (packed !== null) {
    wakeBy(turn, turn.now + ARCHIVE_AFTER_MS);
  }
  if (original !== null) {
    shell.sql.exec(
      `UPDATE deliveries SET (packed, blob, offset, bytes) =
         (SELECT packed, blob, offset, bytes FROM deliveries WHERE id = ?2) WHERE id = ?1`,
      deliveryId,
      original,
    );
  }
  return { ok: true, value: { deliveryId, verdict, message, runs, placed } };
}

interface Same {
  readonly deliveryId: string;
  readonly endpointId: string;
  readonly verdict: DeliveryVerdict;
  readonly message: string | null;
  readonly same: string;
  readonly original: string | null;
  readonly count: number;
  readonly method?: string;
  readonly contentType?: string;
  readonly sizeBytes?: number;
}

function countSame(shell: Shell, turn: Turn, one: Same): void {
  shell.sql.exec(
    `INSERT INTO deliveries (id, endpoint_id, at, verdict, message, count, method, content_type, size_bytes, original,
       runs, same) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?)
     ON CONFLICT (endpoint_id, same) WHERE same IS NOT NULL DO UPDATE SET count = count + excluded.count, at = excluded.at`,
    one.deliveryId,
    one.endpointId,
    turn.now,
    one.verdict,
    one.message,
    one.count,
    one.method ?? "POST",
    one.contentType ?? "",
    one.sizeBytes ?? 0,
    one.original,
    one.same,
  );
}

export function noteRefused(shell: Shell, turn: Turn, { verdict, ...arrivals }: RefusedArrivals): void {
  if (readEndpointRow(shell, arrivals.endpointId) !== null) {
    const same = `${verdict}:${Math.floor(turn.now / MINUTE_MS)}`;
    countSame(shell, turn, { ...arrivals, verdict, same, original: null });
  }
}

/** Newest first. */
export function listDeliveries(shell: Shell, { endpointId, verdict, after, limit }: DeliveryAsk): Delivery[] {
  const from = after === null ? null : shell.sql.exec("SELECT n FROM deliveries WHERE id = ?", after).toArray()[0];
  return shell.sql
    .exec(
      `SELECT ${COLUMNS} FROM deliveries
       WHERE n < ?1 AND (?2 IS NULL OR endpoint_id = ?2) AND (?3 IS NULL OR verdict = ?3) ORDER BY n DESC LIMIT ?4`,
      after === null ? Number.MAX_SAFE_INTEGER : ((from?.["n"] as number | undefined) ?? 0),
      endpointId,
      verdict,
      limit,
    )
    .toArray()
    .map(view);
}

function readDelivery(shell: Shell, id: string): Delivery | null {
  const row = shell.sql.exec(`SELECT ${COLUMNS} FROM deliveries WHERE id = ?`, id).toArray()[0];
  return row === undefined ? null : view(row);
}

export function readKept(shell: Shell, id: string): KeptArrival | null {
  const row = shell.sql
    .exec(`SELECT ${COLUMNS}, packed, blob, offset, bytes FROM deliveries WHERE id = ?`, id)
    .toArray()[0];
  if (row === undefined) {
    return null;
  }
  const { packed, blob, offset, bytes } = row as unknown as {
    readonly packed: ArrayBuffer | null;
    readonly blob: string | null;
    readonly offset: number;
    readonly bytes: number;
  };
  return {
    delivery: view(row),
    packed: packed === null ? null : new Uint8Array(packed),
    blob: blob === null ? null : { key: blob, offset, bytes },
  };
}

function view(row: Readonly<Record<string, SqlStorageValue>>): Delivery {
  return {
    id: row["id"] as string,
    endpointId: row["endpoint_id"] as string,
    at: new Date(row["at"] as number).toISOString(),
    verdict: row["verdict"] as DeliveryVerdict,
    message: row["message"] as string | null,
    count: row["count"] as number,
    key: (row["key"] as string | null)?.replace(/^(id|body):/, "") ?? null,
    method: row["method"] as string,
    contentType: row["content_type"] as string,
    sizeBytes: row["size_bytes"] as number,
    original: row["original"] as string | null,
    runs: JSON.parse(row["runs"] as string) as DeliveryRun[],
  };
}
