/** Endpoints, and senders that sign as the reference library does. */
import { runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import type { Delivery, Endpoint, EndpointWithSecret, HookAnswer } from "@cronium/protocol";
import { Webhook } from "standardwebhooks";
import { ORIGIN, type Plane } from "./plane.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface Hook {
  readonly endpoint: Endpoint & { readonly path: string };
  readonly secret: string;
}

export async function createHook(plane: Plane, targets: readonly Fields[], fields: Fields = {}): Promise<Hook> {
  const body = { name: "Orders", targets, ...fields };
  const { endpoint, secret } = await plane.expectJson<EndpointWithSecret>(201, "POST", "/endpoints", body);
  return { endpoint: { ...endpoint, path: endpoint.path ?? "" }, secret: secret ?? "" };
}

export interface List<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export const deliveriesOf = async (plane: Plane, query = ""): Promise<readonly Delivery[]> =>
  (await plane.expectJson<List<Delivery>>(200, "GET", `/deliveries${query}`)).items;

export const runsOf = (plane: Plane, event: string): Promise<number> =>
  runInDurableObject(
    plane.dispatcherStub,
    (_, { storage }) =>
      storage.sql.exec("SELECT count(*) AS count FROM runs WHERE event_id = ?", event).one()["count"] as number,
  );

export interface Answered {
  readonly status: number;
  readonly body: HookAnswer & { readonly code?: string; readonly detail?: string };
}

/** Any request to the endpoint. */
export async function post(
  path: string,
  body: BodyInit | null,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const request = new Request(`${ORIGIN}${path}`, { method: "POST", body, headers });
  const response = await exports.default.fetch(request);
  return { status: response.status, body: await response.json() };
}

let sent = 0;

/** One that is signed; `id` is new unless given. */
export async function send(
  { endpoint, secret }: Hook,
  payload: unknown,
  { id = `msg_${(sent += 1)}`, text = JSON.stringify(payload) }: { readonly id?: string; readonly text?: string } = {},
): Promise<Answered> {
  const now = new Date();
  return post(endpoint.path, text, {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
    "webhook-signature": new Webhook(secret).sign(id, now, text),
  });
}
