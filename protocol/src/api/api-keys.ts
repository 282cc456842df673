/** `/api/v1/api-keys` and `/service-accounts`: what programs sign in with. */
import * as z from "zod";
import { permissions } from "../access.ts";
import { Name } from "../event.ts";
import { idSchema } from "../ids.ts";
import { RoleName } from "./members.ts";
import { pageOf } from "./page.ts";

export const ApiKeyId = idSchema("apiKey");
export const ServiceAccountId = idSchema("serviceAccount");

/** Permissions that a key is narrowed to. */
export const Scopes = z.array(z.enum(permissions)).min(1, "must hold at least one scope").max(permissions.length);

export const ApiKey = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: RoleName,
    /** Null: everything that the role may do. */
    scopes: z.array(z.string()).nullable(),
    /** `installation`: made by the launcher for scripts on its own machine. */
    owner: z.strictObject({ kind: z.enum(["user", "service_account", "installation"]), name: z.string() }),
    createdAt: z.iso.datetime(),
    /** Null: it does not expire. */
    expiresAt: z.iso.datetime().nullable(),
    /** To the minute; null when it was never used. */
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;
export const ApiKeyPage = pageOf(ApiKey, "ApiKeyPage");

export const CreateApiKey = z
  .strictObject({
    name: Name,
    /** At most the caller's own; by default that one, or the service account's. */
    role: RoleName.optional(),
    scopes: Scopes.optional(),
    /** 1 to 365. */
    expiresInDays: z.int().min(1).max(365).default(90),
    /** Makes the key one of this service account instead of the caller's own. */
    serviceAccountId: ServiceAccountId.optional(),
  })
  .meta({ id: "CreateApiKey" });
export type CreateApiKey = z.infer<typeof CreateApiKey>;

/** The key is shown once: only its hash is stored. */
export const CreatedApiKey = ApiKey.extend({ key: z.string() }).meta({ id: "CreatedApiKey" });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ServiceAccount = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: RoleName,
    createdAt: z.iso.datetime(),
    /** Keys that work. */
    keys: z.int(),
  })
  .meta({ id: "ServiceAccount" });
export type ServiceAccount = z.infer<typeof ServiceAccount>;
export const ServiceAccountPage = pageOf(ServiceAccount, "ServiceAccountPage");

export const CreateServiceAccount = z.strictObject({ name: Name, role: RoleName }).meta({ id: "CreateServiceAccount" });
export type CreateServiceAccount = z.infer<typeof CreateServiceAccount>;
