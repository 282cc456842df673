/**
 * What programs come with, by which their workspace is found: keys, tokens, runners, addresses of webhooks. Times are
 * milliseconds since 1970.
 */
import type { Permission } from "@cronium/protocol/access";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const apiKeys = sqliteTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    /** SHA-256 of the whole key, hex. */
    hash: text("hash").notNull(),
    role: text("role").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    revokedAt: integer("revoked_at"),
    /** Permissions that the key is narrowed to; null: all that its role may do. */
    scopes: text("scopes", { mode: "json" }).$type<readonly Permission[]>(),
    /** Whose key it is: a user, a service account, or null for the key of the installation itself. */
    ownerId: text("owner_id"),
    /** Who made it, or let a device in with it; null for a key that the installation made for itself. */
    createdBy: text("created_by"),
    /** To the minute. */
    lastUsedAt: integer("last_used_at"),
  },
  (table) => [
    uniqueIndex("api_keys_hash").on(table.hash),
    index("api_keys_list").on(table.workspaceId, table.createdAt),
  ],
);

/** Programs that ask for a key and wait for a person: one row from the request until an hour after its end. */
export const deviceLogins = sqliteTable(
  "device_logins",
  {
    /** SHA-256 of the device code, hex. */
    deviceHash: text("device_hash").primaryKey(),
    /** SHA-256 of the user code, hex: shown on screens, so its short life protects it, not this. */
    userCodeHash: text("user_code_hash").notNull(),
    deviceName: text("device_name"),
    address: text("address"),
    askedRole: text("asked_role"),
    /** `pending`, `approved`, `denied` or `used`. */
    state: text("state").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    /** Least time between two polls; grows with each one that comes too early. */
    intervalMs: integer("interval_ms").notNull(),
    polledAt: integer("polled_at"),
    /** By the person who approved it; null before. */
    workspaceId: text("workspace_id"),
    userId: text("user_id"),
    role: text("role"),
    keyLifeMs: integer("key_life_ms"),
  },
  (table) => [
    uniqueIndex("device_logins_user_code").on(table.userCodeHash),
    index("device_logins_expiry").on(table.expiresAt),
  ],
);

/** Wrong user codes that a person has typed since `since`. */
export const deviceGuesses = sqliteTable("device_guesses", {
  userId: text("user_id").primaryKey(),
  wrong: integer("wrong").notNull(),
  since: integer("since").notNull(),
});

/** Requests that an Idempotency-Key makes one: hashes under AUTH_SECRET, and the answer sealed under it. */
export const idempotencyKeys = sqliteTable(
  "idempotency_keys",
  {
    /** Of workspace, caller and key. */
    hash: text("hash").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    requestHash: text("request_hash").notNull(),
    claimedAt: integer("claimed_at").notNull(),
    /** Null while the request is under way. */
    answer: text("answer"),
  },
  (table) => [index("idempotency_keys_age").on(table.claimedAt)],
);

export const registrationTokens = sqliteTable(
  "registration_tokens",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    hash: text("hash").notNull(),
    labels: text("labels", { mode: "json" }).notNull().$type<Record<string, string>>(),
    createdBy: text("created_by").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    /** When it registered a runner last, and which. */
    usedAt: integer("used_at"),
    runnerId: text("runner_id"),
    /** `single_use`, `reusable` or `ephemeral`. */
    kind: text("kind").notNull().default("single_use"),
    maxUses: integer("max_uses").notNull().default(1),
    uses: integer("uses").notNull().default(0),
    /** How often it was tried when it was not usable any more, as far as the audit tells of it. */
    refused: integer("refused").notNull().default(0),
    revokedAt: integer("revoked_at"),
  },
  (table) => [
    uniqueIndex("registration_tokens_hash").on(table.hash),
    index("registration_tokens_list").on(table.workspaceId, table.createdAt),
  ],
);

export const runnerCredentials = sqliteTable(
  "runner_credentials",
  {
    runnerId: text("runner_id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    /** Raw Ed25519 public key, base64url. */
    publicKey: text("public_key").notNull(),
    createdAt: integer("created_at").notNull(),
    revokedAt: integer("revoked_at"),
  },
  (table) => [uniqueIndex("runner_credentials_name").on(table.workspaceId, table.name)],
);

/** Which workspace an address of webhooks belongs to; the address itself is kept by its Dispatcher alone. */
export const endpointRoutes = sqliteTable(
  "endpoint_routes",
  {
    hash: text("hash").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    endpointId: text("endpoint_id").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [index("endpoint_routes_workspace").on(table.workspaceId)],
);
