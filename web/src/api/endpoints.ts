/** Endpoints of webhooks, and what arrived there. */
import type { PreviewDelivery, PreviewedDelivery, ReplayedDeliveries } from "@cronium/protocol/api/endpoints";
import type {
  CreateEndpoint,
  Delivery,
  DeliveryDetail,
  Endpoint,
  EndpointAddress,
  EndpointWithSecret,
  UpdateEndpoint,
} from "@cronium/protocol/endpoint";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { type DeliveryFilter, keys } from "./keys.ts";
import type { Page } from "./page.ts";

/** Of a page that shows what arrives while it arrives. */
const LOOK_AGAIN_MS = 3_000;

export const endpointsQuery = () =>
  queryOptions({
    queryKey: keys.endpoints(),
    queryFn: ({ signal }) => request<Page<Endpoint>>(apiPaths.endpoints(), { signal }),
    refetchInterval: LOOK_AGAIN_MS,
  });

/** As a form sends it. */
export type NewEndpoint = Pick<CreateEndpoint, "name" | "targets" | "verification" | "secret">;

export function createEndpoint(body: NewEndpoint): Promise<EndpointWithSecret> {
  return request<EndpointWithSecret>(apiPaths.endpoints(), { method: "POST", body });
}

/** Throws `version_conflict` when somebody changed it meanwhile. */
export function updateEndpoint({
  id,
  change,
}: {
  readonly id: string;
  readonly change: UpdateEndpoint;
}): Promise<Endpoint> {
  return request<Endpoint>(apiPaths.endpoint(id), { method: "PATCH", body: change });
}

export function deleteEndpoint(id: string): Promise<void> {
  return request(apiPaths.endpoint(id), { method: "DELETE" });
}

/** Where the address is the secret; asks for a fresh proof by itself. */
export function showEndpointAddress(id: string): Promise<EndpointAddress> {
  return request<EndpointAddress>(apiPaths.endpointAddress(id), { method: "POST" });
}

/** The answer has the address, whatever the kind. */
export function rotateEndpointAddress(id: string): Promise<Endpoint> {
  return request<Endpoint>(apiPaths.endpointNewAddress(id), { method: "POST" });
}

export function rotateEndpointSecret(id: string): Promise<EndpointWithSecret> {
  return request<EndpointWithSecret>(apiPaths.endpointSecret(id), { method: "POST", body: {} });
}

export function listenAtEndpoint({ id, on }: { readonly id: string; readonly on: boolean }): Promise<Endpoint> {
  return request<Endpoint>(apiPaths.endpointListen(id), { method: on ? "POST" : "DELETE" });
}

export const deliveriesQuery = (filter: DeliveryFilter) =>
  infiniteQueryOptions({
    queryKey: keys.deliveries(filter),
    queryFn: ({ pageParam, signal }) =>
      request<Page<Delivery>>(apiPaths.deliveries(), { query: { ...filter, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: LOOK_AGAIN_MS,
  });

export const deliveryQuery = (id: string) =>
  queryOptions({
    queryKey: keys.delivery(id),
    queryFn: ({ signal }) => request<DeliveryDetail>(apiPaths.delivery(id), { signal }),
  });

/** As it is asked for; what is left out is filled in by the server. */
export type PreviewAsk = Pick<PreviewDelivery, "filter" | "mapping" | "eventId"> & {
  readonly sample: { readonly deliveryId: string } | { readonly body: string };
};

export function previewDelivery(body: PreviewAsk): Promise<PreviewedDelivery> {
  return request<PreviewedDelivery>(apiPaths.previewDelivery(), { method: "POST", body });
}

/** 1 to 100 at a time. */
export function replayDeliveries(ids: readonly string[]): Promise<ReplayedDeliveries> {
  return request<ReplayedDeliveries>(apiPaths.replayDeliveries(), { method: "POST", body: { ids } });
}
