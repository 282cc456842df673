/** Signing in through somebody else, by OAuth 2.0 with the authorization code and PKCE (S256). */

export const providerIds = ["oidc", "github"] as const;
export type ProviderId = (typeof providerIds)[number];

/** Whom the provider says this is. */
export interface Identity {
  /** What never changes about them there. */
  readonly subject: string;
  readonly email: string | null;
  /** Whether the provider has made sure that the address is theirs. */
  readonly emailVerified: boolean;
  readonly name: string | null;
}

/** What one sign-in sends out and expects back. */
export interface Handshake {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE. */
  readonly verifier: string;
}

export interface IdentityProvider {
  readonly id: ProviderId;
  /** On the button. */
  readonly name: string;
  /** Under which subjects are told apart: another issuer has other subjects. */
  readonly realm: string;
  /** Where the browser goes. Rejects with `ProviderError`. */
  authorizeUrl(handshake: Handshake): Promise<string>;
  /** Rejects with `ProviderError` for everything that is not as it must be. */
  identify(code: string, handshake: Handshake): Promise<Identity>;
}

/** RFC 7636, section 4.2. */
export async function pkceChallenge(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return Buffer.from(digest).toString("base64url");
}
