/** Claiming the owner account, and who is signed in. Sign-in itself is better-auth's, under `/api/auth`. */
import * as z from "zod";
import { Name } from "../event.ts";

export const ClaimRequest = z
  .strictObject({
    token: z.string().max(200),
    name: Name,
    email: z.email("must be an e-mail address").max(254),
    password: z.string().min(10, "must have at least 10 characters").max(256, "must have at most 256 characters"),
  })
  .meta({ id: "ClaimRequest" });
export type ClaimRequest = z.infer<typeof ClaimRequest>;

/** `GET /api/v1/me`. */
export const Me = z
  .strictObject({
    user: z.strictObject({ id: z.string(), name: z.string(), email: z.string() }).nullable(),
    workspace: z.strictObject({ id: z.string(), name: z.string() }),
    role: z.string(),
    /** `session` for a signed-in person, `api_key` for a program. */
    via: z.enum(["session", "api_key"]),
    version: z.string(),
  })
  .meta({ id: "Me" });
export type Me = z.infer<typeof Me>;
