/** `/api/v1/audit`: who did what to whom. */
import * as z from "zod";
import { JsonValue } from "../json.ts";
import { PageQuery, pageOf } from "./page.ts";

export const AuditEntry = z
  .strictObject({
    seq: z.int(),
    at: z.iso.datetime(),
    actor: z.strictObject({ kind: z.enum(["user", "api_key", "system"]), id: z.string() }),
    ip: z.string().nullable(),
    requestId: z.string(),
    /** Such as `member.role_changed`. */
    verb: z.string(),
    /** Id of what it was done to. */
    target: z.string(),
    /** What changed; secrets as hashes only. */
    before: JsonValue,
    after: JsonValue,
    hash: z.string(),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;
export const AuditPage = pageOf(AuditEntry, "AuditPage");

export const AuditQuery = PageQuery.extend({
  verb: z.string().max(64).optional(),
  actor: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

/** Whether the chain of hashes holds from the first entry to the last. */
export const AuditVerdict = z
  .strictObject({
    isIntact: z.boolean(),
    entries: z.int(),
    /** The first entry that does not fit; null when all do. */
    brokenAt: z.int().nullable(),
    message: z.string(),
  })
  .meta({ id: "AuditVerdict" });
export type AuditVerdict = z.infer<typeof AuditVerdict>;
