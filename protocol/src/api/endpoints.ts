/** `/api/v1/endpoints` and `/api/v1/deliveries`. */
import * as z from "zod";
import { Delivery, Endpoint, EndpointTarget, HookAnswer } from "../endpoint.ts";
import { DeliveryId, EndpointId, EventId } from "../ids.ts";
import { deliveryVerdicts, type DeliveryVerdict } from "../webhook-tables.ts";
import { PageQuery, pageOf } from "./page.ts";

export const EndpointPage = pageOf(Endpoint, "EndpointPage");
export const DeliveryPage = pageOf(Delivery, "DeliveryPage");

export const DeliveryListQuery = PageQuery.extend({
  endpointId: EndpointId.optional(),
  verdict: z.enum(Object.keys(deliveryVerdicts) as [DeliveryVerdict, ...DeliveryVerdict[]]).optional(),
});
export type DeliveryListQuery = z.infer<typeof DeliveryListQuery>;

/** Deliveries to be worked through again, as their endpoint is now; 1 to 100. */
export const ReplayDeliveries = z
  .strictObject({ ids: z.array(DeliveryId).min(1).max(100, "must hold at most 100 ids") })
  .meta({ id: "ReplayDeliveries" });
export type ReplayDeliveries = z.infer<typeof ReplayDeliveries>;

/** In the order of the request. */
export const ReplayedDeliveries = z
  .strictObject({
    items: z.array(
      z.strictObject({
        id: z.string(),
        /** Null where it could not be replayed. */
        answer: HookAnswer.nullable(),
        error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
      }),
    ),
  })
  .meta({ id: "ReplayedDeliveries" });
export type ReplayedDeliveries = z.infer<typeof ReplayedDeliveries>;

/** A filter and a mapping to be tried: on a delivery that was kept, or on a body as it would arrive. */
export const PreviewDelivery = z
  .strictObject({
    filter: EndpointTarget.shape.filter,
    mapping: EndpointTarget.shape.mapping,
    /** Against whose schema the input is held; without one against none. */
    eventId: EventId.optional(),
    sample: z.union([
      z.strictObject({ deliveryId: DeliveryId }),
      z.strictObject({
        /** At most 256 Ki characters. */
        body: z.string().max(262_144),
        contentType: z.string().max(200).default("application/json"),
        /** Of the request, with any case in their names; a `content-type` among them comes first. */
        headers: z.record(z.string().max(100), z.string().max(8_192)).default({}),
        query: z.record(z.string().max(200), z.string().max(8_192)).default({}),
      }),
    ]),
  })
  .meta({ id: "PreviewDelivery" });
export type PreviewDelivery = z.infer<typeof PreviewDelivery>;

/** What would become of it. Nothing is started or stored. */
export const PreviewedDelivery = z
  .strictObject({
    verdict: z.enum(["accepted", "filtered", "invalid_body", "filter_failed", "mapping_failed", "invalid_input"]),
    /** A sentence; null where the verdict says it all. */
    message: z.string().nullable(),
    /** `body` as filter and mapping see it; null where it could not be read. */
    body: z.unknown(),
    /** Of the run, with defaults filled in; null unless `verdict` is `accepted`. */
    input: z.unknown(),
  })
  .meta({ id: "PreviewedDelivery" });
export type PreviewedDelivery = z.infer<typeof PreviewedDelivery>;
