/** `POST /api/v1/live-tickets`: what a browser shows once to open a live socket. */
import * as z from "zod";

export const LiveTicket = z
  .strictObject({
    /** For the `ticket` parameter of one socket's address. */
    ticket: z.string(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "LiveTicket" });
export type LiveTicket = z.infer<typeof LiveTicket>;
