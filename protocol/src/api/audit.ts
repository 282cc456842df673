/** `/api/v1/audit`: who did what to whom. */
import * as z from "zod";
import { JsonValue } from "../json.ts";
import { PageQuery, pageOf } from "./page.ts";

export const AuditEntry = z
  .strictObject({
    /** `accounts` for people, keys and tokens; `dispatcher`, or `dispatcher/3` for a shard, for what is done here. */
    chain: z.string(),
    /** 1, 2, 3, … in its chain. */
    seq: z.int(),
    at: z.iso.datetime(),
    actor: z.strictObject({ kind: z.enum(["user", "api_key", "registration_token", "run", "system"]), id: z.string() }),
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

const filters = {
  /** Such as `secret.created`; with a dot at its end, such as `secret.`, all that begin so. */
  verb: z.string().max(64).optional(),
  actor: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
};

export const AuditQuery = PageQuery.extend(filters);
export type AuditQuery = z.infer<typeof AuditQuery>;

export const AuditExportQuery = z.strictObject(filters);
export type AuditExportQuery = z.infer<typeof AuditExportQuery>;

const verdict = {
  isIntact: z.boolean(),
  entries: z.int(),
  /** The first entry that does not fit; null when all do. */
  brokenAt: z.int().nullable(),
};

/** Whether the chains of hashes hold from the first entry that is kept to the last. `brokenAt` is of the first broken one. */
export const AuditVerdict = z
  .strictObject({
    ...verdict,
    message: z.string(),
    chains: z.array(z.strictObject({ chain: z.string(), ...verdict })),
  })
  .meta({ id: "AuditVerdict" });
export type AuditVerdict = z.infer<typeof AuditVerdict>;
