/**
 * D1: what must be found before a workspace is known (people, keys, tokens, credentials), and projections of what the
 * Dispatchers decide, for lists and search. Times are milliseconds since 1970. `rev` guards a projection: a row is only
 * ever replaced by a higher one.
 */
import type { Permission } from "@cronium/protocol/access";
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

// People. The first four tables have the shape that better-auth expects.
export const user = sqliteTable("user", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  email: text("email").notNull().unique(),
  emailVerified: integer("email_verified", { mode: "boolean" }).notNull().default(false),
  image: text("image"),
  createdAt: integer("created_at", { mode: "timestamp_ms" }).notNull(),
  updatedAt: integer("updated_at", { mode: "timestamp_ms" }).notNull(),
});

export const session = sqliteTable(
  "session",
  {
    id: text("id").primaryKey(),
    expiresAt: integer("expires_at", { mode: "timestamp_ms" }).notNull(),
    token: text("token").notNull().unique(),
    createdAt: integer("created_at", { mode: "timestamp_ms" }).notNull(),
    updatedAt: integer("updated_at", { mode: "timestamp_ms" }).notNull(),
    ipAddress: text("ip_address"),
    userAgent: text("user_agent"),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    /** The workspace that this browser looks at; null: the one that its user joined first. */
    activeWorkspaceId: text("active_workspace_id"),
    /** Until when a password that was given again counts; milliseconds since 1970. */
    provenUntil: integer("proven_until"),
  },
  (table) => [index("session_user").on(table.userId)],
);

export const account = sqliteTable(
  "account",
  {
    id: text("id").primaryKey(),
    accountId: text("account_id").notNull(),
    providerId: text("provider_id").notNull(),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    idToken: text("id_token"),
    accessTokenExpiresAt: integer("access_token_expires_at", { mode: "timestamp_ms" }),
    refreshTokenExpiresAt: integer("refresh_token_expires_at", { mode: "timestamp_ms" }),
    scope: text("scope"),
    password: text("password"),
    createdAt: integer("created_at", { mode: "timestamp_ms" }).notNull(),
    updatedAt: integer("updated_at", { mode: "timestamp_ms" }).notNull(),
  },
  (table) => [
    index("account_user").on(table.userId),
    uniqueIndex("account_provider").on(table.providerId, table.accountId),
  ],
);

export const verification = sqliteTable(
  "verification",
  {
    id: text("id").primaryKey(),
    identifier: text("identifier").notNull(),
    value: text("value").notNull(),
    expiresAt: integer("expires_at", { mode: "timestamp_ms" }).notNull(),
    createdAt: integer("created_at", { mode: "timestamp_ms" }).notNull(),
    updatedAt: integer("updated_at", { mode: "timestamp_ms" }).notNull(),
  },
  (table) => [index("verification_identifier").on(table.identifier)],
);

export const workspaces = sqliteTable("workspaces", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  createdAt: integer("created_at").notNull(),
  /** Raised by each change, for `If-Match`. */
  version: integer("version").notNull().default(1),
  /** The one that the installation was set up with: its owners hold the machine. No other ever takes its place. */
  isHome: integer("is_home", { mode: "boolean" }).notNull().default(false),
  /** Since when it is being deleted: nobody belongs to it any more, and what it holds goes bit by bit. */
  deletingAt: integer("deleting_at"),
});

export const members = sqliteTable(
  "members",
  {
    workspaceId: text("workspace_id").notNull(),
    userId: text("user_id").notNull(),
    role: text("role").notNull(),
    createdAt: integer("created_at").notNull(),
    /** Raised by each change of the role, for `If-Match`. */
    version: integer("version").notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.userId] }), index("members_user").on(table.userId)],
);

/** Links by which people join a workspace. Ended ones stay until they are a month old. */
export const invitations = sqliteTable(
  "invitations",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    email: text("email").notNull(),
    role: text("role").notNull(),
    /** SHA-256 of the whole token, hex. */
    hash: text("hash").notNull(),
    invitedBy: text("invited_by").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    acceptedAt: integer("accepted_at"),
    revokedAt: integer("revoked_at"),
  },
  (table) => [
    uniqueIndex("invitations_hash").on(table.hash),
    index("invitations_list").on(table.workspaceId, table.createdAt),
  ],
);

/** Links about accounts: a new password, a new account, whose address it is. Used ones are deleted. */
export const accountLinks = sqliteTable(
  "account_links",
  {
    /** SHA-256 of the whole token, hex. */
    hash: text("hash").primaryKey(),
    /** `reset`, `register` or `confirm`. */
    kind: text("kind").notNull(),
    email: text("email").notNull(),
    /** Null before the account is made, as are the next two after. */
    userId: text("user_id"),
    name: text("name"),
    passwordHash: text("password_hash"),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [
    index("account_links_email").on(table.email, table.kind),
    index("account_links_expiry").on(table.expiresAt),
  ],
);

/** What no mail took to people, for the owner of the installation to hand over. */
export const messages = sqliteTable(
  "messages",
  {
    id: text("id").primaryKey(),
    kind: text("kind").notNull(),
    email: text("email").notNull(),
    subject: text("subject").notNull(),
    /** Of the page, with its token; sealed. */
    path: text("path").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    /** In the terminal of the launcher. */
    printedAt: integer("printed_at"),
    /** In the dashboard, last. */
    shownAt: integer("shown_at"),
  },
  (table) => [index("messages_list").on(table.createdAt)],
);

/** Codes of an app beside the password. */
export const secondFactors = sqliteTable("second_factors", {
  userId: text("user_id").primaryKey(),
  /** Sealed under AUTH_SECRET. */
  secret: text("secret").notNull(),
  /** Null while it is being set up. */
  confirmedAt: integer("confirmed_at"),
  /** Step of the newest code that was used; older ones work no more. */
  lastStep: integer("last_step").notNull(),
  createdAt: integer("created_at").notNull(),
});

/** Used ones are deleted. */
export const recoveryCodes = sqliteTable(
  "recovery_codes",
  {
    /** SHA-256 of user and code, hex. */
    hash: text("hash").primaryKey(),
    userId: text("user_id").notNull(),
  },
  (table) => [index("recovery_codes_user").on(table.userId)],
);

/** Sign-ins that wait for a second factor. */
export const signInChallenges = sqliteTable(
  "sign_in_challenges",
  {
    /** SHA-256 of the token, hex. */
    hash: text("hash").primaryKey(),
    userId: text("user_id").notNull(),
    remember: integer("remember", { mode: "boolean" }).notNull(),
    tries: integer("tries").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [index("sign_in_challenges_expiry").on(table.expiresAt)],
);

/** Passkeys of people. */
export const passkeys = sqliteTable(
  "passkeys",
  {
    /** Of the credential, base64url. */
    id: text("id").primaryKey(),
    userId: text("user_id").notNull(),
    name: text("name").notNull(),
    /** COSE, base64url. */
    publicKey: text("public_key").notNull(),
    counter: integer("counter").notNull(),
    /** JSON. */
    transports: text("transports").notNull(),
    createdAt: integer("created_at").notNull(),
    lastUsedAt: integer("last_used_at"),
    refusedAt: integer("refused_at"),
  },
  (table) => [index("passkeys_user").on(table.userId, table.createdAt)],
);

/** For a passkey to sign, once. */
export const passkeyChallenges = sqliteTable(
  "passkey_challenges",
  {
    /** SHA-256 of the challenge, hex. */
    hash: text("hash").primaryKey(),
    /** Who adds a passkey; null for a sign-in. */
    userId: text("user_id"),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [index("passkey_challenges_expiry").on(table.expiresAt)],
);

/** Sign-ins that are away at an identity provider. */
export const providerSignIns = sqliteTable(
  "provider_sign_ins",
  {
    /** SHA-256 of the state, hex. */
    hash: text("hash").primaryKey(),
    provider: text("provider").notNull(),
    nonce: text("nonce").notNull(),
    /** Of PKCE; sealed under AUTH_SECRET. */
    verifier: text("verifier").notNull(),
    redirectUri: text("redirect_uri").notNull(),
    returnTo: text("return_to").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [index("provider_sign_ins_expiry").on(table.expiresAt)],
);

/** Programs that are members by themselves, so that their keys outlive the person who made them. */
export const serviceAccounts = sqliteTable(
  "service_accounts",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    role: text("role").notNull(),
    createdBy: text("created_by").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [uniqueIndex("service_accounts_name").on(table.workspaceId, table.name)],
);

/**
 * Privileged acts on people, keys and tokens: append-only, one hash chain for each workspace. `hash` is SHA-256 over the
 * entry and the hash before it.
 */
export const accountAudit = sqliteTable(
  "account_audit",
  {
    workspaceId: text("workspace_id").notNull(),
    /** 1, 2, 3, … without a hole. */
    seq: integer("seq").notNull(),
    at: integer("at").notNull(),
    /** The entry as it was hashed, JSON. */
    entry: text("entry").notNull(),
    previousHash: text("previous_hash").notNull(),
    hash: text("hash").notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.seq] })],
);

/** Good for one live socket of a browser each; used ones are deleted. */
export const liveTickets = sqliteTable(
  "live_tickets",
  {
    /** SHA-256 of the ticket, hex. */
    hash: text("hash").primaryKey(),
    sessionId: text("session_id").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [index("live_tickets_expiry").on(table.expiresAt)],
);

/** Links that make the owner account of a workspace that has none. Used ones are deleted. */
export const claimTokens = sqliteTable("claim_tokens", {
  hash: text("hash").primaryKey(),
  workspaceId: text("workspace_id").notNull(),
  createdAt: integer("created_at").notNull(),
});

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

// Projections.
export const events = sqliteTable(
  "events",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    description: text("description").notNull(),
    kind: text("kind").notNull(),
    runtime: text("runtime").notNull(),
    version: integer("version").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    archivedAt: integer("archived_at"),
    rev: integer("rev").notNull(),
  },
  (table) => [index("events_list").on(table.workspaceId, table.createdAt, table.id)],
);

export const runs = sqliteTable(
  "runs",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    eventId: text("event_id"),
    state: text("state").notNull(),
    queuedAt: integer("queued_at").notNull(),
    startedAt: integer("started_at"),
    finishedAt: integer("finished_at"),
    rev: integer("rev").notNull(),
    /** These three are null in rows of a version that did not write them. */
    eventName: text("event_name"),
    trigger: text("trigger"),
    runnerId: text("runner_id"),
    /** The whole `Run` as JSON, without input and output. */
    summary: text("summary", { mode: "json" }).notNull(),
    /** What only the run's own page shows: input, output, attempts. */
    detail: text("detail", { mode: "json" }).notNull(),
  },
  (table) => [
    index("runs_list").on(table.workspaceId, table.queuedAt, table.id),
    index("runs_by_state").on(table.workspaceId, table.state, table.queuedAt, table.id),
    index("runs_by_event").on(table.workspaceId, table.eventId, table.queuedAt, table.id),
    index("runs_by_name").on(table.workspaceId, table.eventName, table.queuedAt, table.id),
    index("runs_by_trigger").on(table.workspaceId, table.trigger, table.queuedAt, table.id),
    // The very words of the filter, so that SQLite sees that this index holds all it asks for.
    index("runs_dead")
      .on(table.workspaceId, table.queuedAt, table.id)
      .where(sql`${table.state} = 'failed' AND ${table.summary} ->> 'failReason' = 'retries_exhausted'`),
    index("runs_by_runner")
      .on(table.workspaceId, table.runnerId, table.queuedAt, table.id)
      .where(sql`${table.runnerId} IS NOT NULL`),
  ],
);

/** The names that runs have been listed under: few, where runs are many. */
export const runNames = sqliteTable(
  "run_names",
  {
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.name] })],
);

/** What runs ask of their runner, one row for each `key=value`. */
export const runLabels = sqliteTable(
  "run_labels",
  {
    workspaceId: text("workspace_id").notNull(),
    label: text("label").notNull(),
    queuedAt: integer("queued_at").notNull(),
    runId: text("run_id").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.label, table.queuedAt, table.runId] }),
    index("run_labels_run").on(table.runId),
  ],
);

export const runners = sqliteTable(
  "runners",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    rev: integer("rev").notNull(),
    view: text("view", { mode: "json" }).notNull(),
  },
  (table) => [index("runners_list").on(table.workspaceId, table.id)],
);

/** Names of secrets and variables, never a value; `key_id` says which master key a secret is encrypted under. */
export const namedValues = sqliteTable(
  "named_values",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    kind: text("kind").notNull(),
    name: text("name").notNull(),
    eventId: text("event_id"),
    version: integer("version").notNull(),
    keyId: text("key_id"),
    updatedAt: integer("updated_at").notNull(),
    rev: integer("rev").notNull(),
  },
  (table) => [
    index("named_values_list").on(table.workspaceId, table.kind, table.name),
    index("named_values_key")
      .on(table.keyId)
      .where(sql`${table.keyId} IS NOT NULL`),
  ],
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
