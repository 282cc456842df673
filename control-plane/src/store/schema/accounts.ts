/**
 * People and their accounts. `user`, `session`, `account` and `verification` have the shape that better-auth expects.
 * Times are milliseconds since 1970.
 */
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

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
