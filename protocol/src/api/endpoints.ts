/** `/api/v1/endpoints` and `/api/v1/deliveries`. */
import * as z from "zod";
import { Delivery, Endpoint, HookAnswer } from "../endpoint.ts";
import { DeliveryId, EndpointId } from "../ids.ts";
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
