/** Deliveries: listed and shown from the Dispatcher, whose storage or blobs hold what arrived; replayed from there. */
import type {
  Delivery,
  DeliveryDetail,
  DeliveryListQuery,
  HookAnswer,
  PreviewDelivery,
  PreviewedDelivery,
  ReplayDeliveries,
  ReplayedDeliveries,
} from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Json } from "@cronium/protocol/json";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { inputRule } from "../domain/inputs/input-schema.ts";
import { keptHeaders, readArrived, unpackArrival, type Arrival } from "../domain/webhooks/arrival.ts";
import { readAll } from "../store/blobs.ts";
import { getEvent } from "./events.ts";
import { answerOf, deliver, factsOf, wishesOf, workOut } from "./hooks.ts";
import { readCursor, writeCursor } from "./page-cursor.ts";

/** Newest first. */
export async function listDeliveries(
  deps: Deps,
  actor: Actor,
  { endpointId, verdict, cursor, limit }: DeliveryListQuery,
): Promise<{ readonly items: Delivery[]; readonly nextCursor: string | null }> {
  const after = readCursor(cursor)?.id ?? null;
  const ask = { endpointId: endpointId ?? null, verdict: verdict ?? null, after, limit: limit + 1 };
  const rows = await deps.dispatcherFor(actor.workspaceId).listDeliveries(ask);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor:
      rows.length > limit && last !== undefined ? writeCursor({ at: Date.parse(last.at), id: last.id }) : null,
  };
}

export async function getDelivery(deps: Deps, actor: Actor, deliveryId: string): Promise<DeliveryDetail> {
  const { delivery, arrival } = await find(deps, actor.workspaceId, deliveryId);
  if (arrival === null) {
    return { ...delivery, headers: null, query: null, body: null, bodyBase64: null };
  }
  const { headers, query, body } = arrival;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    return { ...delivery, headers, query, body: text, bodyBase64: null };
  } catch {
    return { ...delivery, headers, query, body: null, bodyBase64: Buffer.from(body).toString("base64") };
  }
}

/** Each is worked through as its endpoint is now, as a delivery of its own; who sent it was checked when it arrived. */
export async function replayDeliveries(
  deps: Deps,
  actor: Actor,
  { ids }: ReplayDeliveries,
): Promise<ReplayedDeliveries> {
  const items: ReplayedDeliveries["items"] = [];
  for (const id of ids) {
    try {
      items.push({ id, answer: await replay(deps, actor.workspaceId, id), error: null });
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }
      items.push({ id, answer: null, error: { code: error.code, message: error.message } });
    }
  }
  return { items };
}

/** Bounded as the real thing is, and by the same functions. Throws `not_found` for what the sample or event is not. */
export async function previewDelivery(
  deps: Deps,
  actor: Actor,
  { sample, eventId, filter, mapping }: PreviewDelivery,
): Promise<PreviewedDelivery> {
  const event = eventId === undefined ? null : await getEvent(deps, actor, eventId);
  const arrival = await sampleOf(deps, actor, sample);
  const { method, headers, query } = arrival;
  let body: Json;
  try {
    body = readArrived(arrival);
  } catch (error) {
    if (error instanceof AppError) {
      return { verdict: "invalid_body", message: error.message, body: null, input: null };
    }
    throw error;
  }
  const worked = await workOut({ filter, mapping }, { body, headers, query, method });
  if ("verdict" in worked) {
    return { ...worked, body, input: null };
  }
  const { input } = worked;
  const accepted = event === null ? { ok: true as const, input } : inputRule(event).accept(input);
  return accepted.ok
    ? { verdict: "accepted", message: null, body, input: accepted.input }
    : { verdict: "invalid_input", message: accepted.message, body, input: null };
}

async function sampleOf(deps: Deps, actor: Actor, sample: PreviewDelivery["sample"]): Promise<Arrival> {
  if (!("deliveryId" in sample)) {
    const headers = keptHeaders([["content-type", sample.contentType], ...Object.entries(sample.headers)]);
    return { method: "POST", headers, query: sample.query, body: new TextEncoder().encode(sample.body) };
  }
  const { arrival } = await find(deps, actor.workspaceId, sample.deliveryId);
  return arrival ?? notKept(sample.deliveryId);
}

function notKept(id: string): never {
  throw new AppError("not_found", `Nothing was kept of the delivery ${id}.`);
}

async function replay(deps: Deps, workspaceId: string, id: string): Promise<HookAnswer> {
  const found = await find(deps, workspaceId, id);
  const { delivery } = found;
  const arrival = found.arrival ?? notKept(id);
  const { endpointId } = delivery;
  const rule = await deps.dispatcherFor(workspaceId).hookRule(endpointId);
  if (rule === null) {
    throw new AppError("not_found", `The endpoint ${endpointId} of this delivery is deleted.`);
  }
  const deliveryId = makeId("delivery", deps.clock.now(), deps.ids.random(10));
  const hook = { workspaceId, endpointId, rule, secrets: [] };
  const delivered = await deliver(deps, hook, {
    ...factsOf(hook, arrival),
    deliveryId,
    dedupe: null,
    packed: null,
    original: id,
    wishes: await wishesOf(deps, rule.endpoint.targets, arrival, readArrived(arrival), deliveryId, {
      type: "webhook",
      endpointId,
      endpointName: rule.endpoint.name,
      deliveryId,
    }),
  });
  return answerOf(delivered);
}

async function find(
  deps: Deps,
  workspaceId: string,
  id: string,
): Promise<{ readonly delivery: Delivery; readonly arrival: Arrival | null }> {
  const kept = await deps.dispatcherFor(workspaceId).getDelivery(id);
  if (kept === null) {
    throw new AppError("not_found", `There is no delivery ${id}.`);
  }
  const { delivery, packed, blob } = kept;
  if (packed !== null || blob === null) {
    return { delivery, arrival: packed === null ? null : unpackArrival(packed) };
  }
  const body = await deps.blobs.get(blob.key, { from: blob.offset, bytes: blob.bytes });
  return { delivery, arrival: body === null ? null : unpackArrival(await readAll(body)) };
}
