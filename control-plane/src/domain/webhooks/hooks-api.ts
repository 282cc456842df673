/** What home offers of endpoints and deliveries; as all of `domain/dispatcher.ts`, each call may be repeated. */
import type {
  CreateEndpoint,
  Delivery,
  DeliveryRun,
  DeliveryVerdict,
  Endpoint,
  EndpointAddress,
  RotateEndpointSecret,
  UpdateEndpoint,
} from "@cronium/protocol";
import type { By, EnqueueCommand, Enqueued, Outcome } from "../dispatcher.ts";

/** What a Worker needs to take what arrives, remembered there for seconds. */
export interface HookRule {
  readonly endpoint: Endpoint;
  /** Encrypted secrets, each good until then, or for ever where that is null. */
  readonly boxes: readonly { readonly box: string; readonly until: number | null }[];
}

/** What an arrival asks for one event: a run, or why there is none. */
export type HookWish =
  | { readonly eventId: string; readonly command: EnqueueCommand }
  | { readonly eventId: string; readonly verdict: DeliveryVerdict; readonly message: string | null };

export interface DeliverCommand {
  readonly deliveryId: string;
  readonly endpointId: string;
  /** Of the endpoint that the arrival was worked through with. */
  readonly version: number;
  /** By which repeats are known, and for how long: null for as long as deliveries are kept. */
  readonly dedupe: { readonly key: string; readonly windowMs: number | null } | null;
  readonly method: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Null for a replay, whose bytes are with the original. */
  readonly packed: Uint8Array | null;
  readonly original: string | null;
  readonly wishes: readonly HookWish[];
}

export interface Delivered {
  readonly deliveryId: string;
  readonly verdict: DeliveryVerdict;
  readonly message: string | null;
  readonly runs: readonly DeliveryRun[];
  /** Commands whose runs are made in shards, and what home answered of them. */
  readonly placed: readonly { readonly command: EnqueueCommand; readonly outcome: Outcome<Enqueued> }[];
}

export interface RefusedArrivals {
  readonly endpointId: string;
  readonly verdict: "invalid_signature" | "invalid_body";
  readonly message: string | null;
  readonly count: number;
  readonly deliveryId: string;
}

export interface DeliveryAsk {
  readonly endpointId: string | null;
  readonly verdict: DeliveryVerdict | null;
  /** Id of the last one of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

/** Where the bytes of a delivery are. */
export interface KeptArrival {
  readonly delivery: Delivery;
  readonly packed: Uint8Array | null;
  readonly blob: { readonly key: string; readonly offset: number; readonly bytes: number } | null;
}

export interface HooksApi {
  /** `box` is the encrypted secret, null without one; `address` the encrypted token of which D1 knows the hash. */
  createEndpoint(
    command: By & {
      readonly endpointId: string;
      readonly hash: string;
      readonly address: string;
      readonly endpoint: CreateEndpoint;
      readonly box: string | null;
    },
  ): Promise<Outcome<Endpoint>>;
  /** `box` takes the place of all secrets; null leaves them as they are. */
  updateEndpoint(
    command: By & {
      readonly endpointId: string;
      readonly change: Omit<UpdateEndpoint, "secret">;
      readonly box: string | null;
    },
  ): Promise<Outcome<Endpoint>>;
  rotateEndpointSecret(
    command: By & { readonly endpointId: string; readonly box: string } & Pick<RotateEndpointSecret, "keepOldMs">,
  ): Promise<Outcome<Endpoint>>;
  /** Its hash, which D1 forgets then. */
  deleteEndpoint(command: By & { readonly endpointId: string }): Promise<Outcome<{ readonly hash: string }>>;
  /** Its path, also where that is the secret; the audit knows who looked. */
  /** As `hash` and `address` of `createEndpoint`. Answers the hash of before; null where this was done before. */
  rotateAddress(
    command: By & { readonly endpointId: string; readonly hash: string; readonly address: string },
  ): Promise<Outcome<{ readonly endpoint: Endpoint; readonly before: string | null }>>;
  showAddress(command: By & { readonly endpointId: string }): Promise<Outcome<EndpointAddress>>;
  listEndpoints(): Promise<readonly Endpoint[]>;
  getEndpoint(endpointId: string): Promise<Endpoint | null>;
  /** `forMs` 0 stops listening. */
  listenAtEndpoint(command: By & { readonly endpointId: string; readonly forMs: number }): Promise<Outcome<Endpoint>>;

  /** With `hash`, null also where that of its address is another one by now. */
  hookRule(endpointId: string, hash?: string): Promise<HookRule | null>;
  /** Refused with `version_conflict` where the endpoint has changed, `endpoint_disabled`, `not_found`, `quota_exceeded`. */
  deliver(command: DeliverCommand): Promise<Outcome<Delivered>>;
  noteRefused(arrivals: RefusedArrivals): Promise<void>;
  /** Newest first. */
  listDeliveries(ask: DeliveryAsk): Promise<readonly Delivery[]>;
  getDelivery(deliveryId: string): Promise<KeptArrival | null>;
  /** For the deletion of the workspace. */
  deleteDeliveryBlobs(): Promise<void>;
}
