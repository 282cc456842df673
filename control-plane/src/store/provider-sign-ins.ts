/** D1: sign-ins that are away at an identity provider, and which of its identities belong to whom. */

export interface ProviderSignIn {
  readonly provider: string;
  readonly nonce: string;
  /** Of PKCE, sealed. */
  readonly verifier: string;
  readonly redirectUri: string;
  /** Where to go afterwards, below the address of the installation. */
  readonly returnTo: string;
}

export async function insertProviderSignIn(
  d1: D1Database,
  signIn: ProviderSignIn & { readonly hash: string; readonly now: number; readonly expiresAt: number },
): Promise<void> {
  await d1.batch([
    d1.prepare("DELETE FROM provider_sign_ins WHERE expires_at <= ?").bind(signIn.now),
    d1
      .prepare(
        `INSERT INTO provider_sign_ins (hash, provider, nonce, verifier, redirect_uri, return_to, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(
        signIn.hash,
        signIn.provider,
        signIn.nonce,
        signIn.verifier,
        signIn.redirectUri,
        signIn.returnTo,
        signIn.expiresAt,
      ),
  ]);
}

/** Each comes back once. */
export function takeProviderSignIn(d1: D1Database, hash: string, now: number): Promise<ProviderSignIn | null> {
  return d1
    .prepare(
      `DELETE FROM provider_sign_ins WHERE hash = ? AND expires_at > ?
       RETURNING provider, nonce, verifier, redirect_uri AS "redirectUri", return_to AS "returnTo"`,
    )
    .bind(hash, now)
    .first<ProviderSignIn>();
}

export interface KnownUser {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** Whose identity this is; index `account_provider`. */
export function findByIdentity(d1: D1Database, realm: string, subject: string): Promise<KnownUser | null> {
  return d1
    .prepare(
      `SELECT u.id, u.name, u.email FROM account a JOIN "user" u ON u.id = a.user_id
       WHERE a.provider_id = ? AND a.account_id = ?`,
    )
    .bind(realm, subject)
    .first<KnownUser>();
}

export interface NewIdentity {
  readonly id: string;
  readonly realm: string;
  readonly subject: string;
  readonly userId: string;
  readonly now: number;
}

/** Only for an account whose address is confirmed. Rejects with a UNIQUE error when the identity is somebody's already. */
export function linkStatement(d1: D1Database, identity: NewIdentity): D1PreparedStatement {
  return d1
    .prepare(
      `INSERT INTO account (id, account_id, provider_id, user_id, created_at, updated_at)
       SELECT ?1, ?2, ?3, id, ?5, ?5 FROM "user" WHERE id = ?4 AND email_verified = 1`,
    )
    .bind(identity.id, identity.subject, identity.realm, identity.userId, identity.now);
}

export interface NewProviderUser extends NewIdentity {
  readonly email: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly workspaceName: string;
}

/** An account without a password, and a workspace of its own. Rejects with a UNIQUE error for a known address. */
export function newUserStatements(d1: D1Database, user: NewProviderUser): D1PreparedStatement[] {
  const { userId, now, workspaceId } = user;
  return [
    d1
      .prepare(
        `INSERT INTO "user" (id, name, email, email_verified, created_at, updated_at) VALUES (?1, ?2, ?3, 1, ?4, ?4)`,
      )
      .bind(userId, user.name, user.email, now),
    linkStatement(d1, user),
    d1
      .prepare("INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)")
      .bind(workspaceId, user.workspaceName, now),
    d1
      .prepare("INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (?, ?, 'owner', ?)")
      .bind(workspaceId, userId, now),
  ];
}
