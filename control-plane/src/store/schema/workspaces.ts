/** Workspaces and who belongs to them. Times are milliseconds since 1970. */
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

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
