/** `/api/v1/sessions`, `/proof` and `/password`: what people manage of their own account. */
import * as z from "zod";
import { Password } from "./members.ts";
import { pageOf } from "./page.ts";

export const Session = z
  .strictObject({
    id: z.string(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
    /** Whether this request came with it. */
    isCurrent: z.boolean(),
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof Session>;
export const SessionPage = pageOf(Session, "SessionPage");

/** The password once more, for acts that need a fresh proof of who is there. */
export const Proof = z
  .strictObject({
    password: z.string().max(256, "must have at most 256 characters"),
    /** Of the second factor, where the account has one. */
    code: z.string().max(40, "must have at most 40 characters").optional(),
  })
  .meta({ id: "Proof" });
export const ProofGiven = z.strictObject({ provenUntil: z.iso.datetime() }).meta({ id: "ProofGiven" });

export const ChangePassword = z
  .strictObject({
    current: z.string().max(256, "must have at most 256 characters"),
    next: Password,
    /** Signs every other browser out; true by default. */
    endOtherSessions: z.boolean().default(true),
  })
  .meta({ id: "ChangePassword" });
