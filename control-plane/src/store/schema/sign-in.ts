/** Ways to sign in beside a password, and sign-ins under way. Times are milliseconds since 1970. */
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

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
